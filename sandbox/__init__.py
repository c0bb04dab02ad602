"""What stands in for AWS on a laptop. Nothing here ships to Lambda.

scripts/sandbox   finds a Python and hands over to `bootstrap`
bootstrap         makes the environments (standard library only), then becomes `__main__`
options           the command line
up                starts the parts in their order, watches them, ends them
processes         child processes that leave nothing behind, with the help of `reaper`
emulators         MiniStack, LocalStack, or one that runs already
provision         creates the CloudFormation stack and reads back what was made (`template`, `readback`)
api               Chalice's own local server, made quick
worker            the event sources of any Chalice app (`sources`, `invocation`, `events`, `schedules`)
run               one definition, one execution, shown live
"""

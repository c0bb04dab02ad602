"""The benchmark behind scripts/bench: what an execution costs, counted, and how fast it is beside others.

definitions   the chains and waits that are measured, for sedo and for Step Functions
costs         counts one execution at the adapter boundary, on a real emulator and a virtual clock
instruments   the queue and the task runner with which it counts
scenarios     the named executions that are counted
backlog       executions that wait in memory, 10^5 of them
sizes         what an item weighs for DynamoDB (memory_use.py: what a process holds)
bill          counts → USD, beside Step Functions Standard and Express for the same run
compare       executions/s of sedo and of emulated Step Functions, side by side
faas          the overhead of functions that sleep (arXiv 1807.11248), beside emulated Step Functions
sleepers      the workflows of `faas`
engines       how each engine is started and asked
stage         brings up emulator, API and worker as the sandbox does (counted.py counts their AWS requests)
client        a few keep-alive connections
echo_server   the outside world of steps that call
peers         other engines, by a command that prints one JSON line
"""

"""`sedo test`: the cases of test files, played on the real engine in virtual time.

command.py      the word `test`: what is printed, exit codes; junit.py writes the same as XML
schema.py       the JSON Schema of test files; files.py reads them, with the place of each problem
cases.py        a test file as data; script.py says which attempt gets which answer
library.py      the tested definition, those beside it, stand-ins for mocked children
stage.py        one run: the real processor, children, inbox and ticks in the simulation's world, calm or disturbed
runner.py       outside calls; people.py: answers to tasks, heartbeats, signals
whereabouts.py  the names of steps in children and of items in maps; waiting.py: what a run waits for in vain
trail.py        histories → the path that was taken; judge.py: expected and found
coverage.py     steps and routes that were taken; play.py plays all cases of a file
"""

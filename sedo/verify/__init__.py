"""`sedo verify`: a definition under every crash, double and delay, in the simulation's world.

command.py    the word `verify`; report.py: what was found, as a document and as text
scenarios.py  what is run: the cases of a test file, or ways with made-up answers
ways.py       ways through a definition that take, together, every route they can; generate.py: values from schemas
faults.py     which fault strikes at which I/O call
runs.py       one run: its end, its path, its price; sweep.py: all of them, compared
outside.py    what others can see twice, and by which key they can tell
"""

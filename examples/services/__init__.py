"""The services that the examples call, in one small program: stock, payments, shipping, mail and others, in memory.

rules.py    what each service answers; world.py: what they remember, and keys that came before
server.py   HTTP around them

`python3 -m examples.services` starts it; it needs the standard library alone.
"""

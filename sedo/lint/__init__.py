"""Behind `sedo lint`: what posting would refuse, and what only reading ahead can see. docs/lint.md is its page.

command.py         files in, lines or JSON out, the exit code
linting.py         one file: posting's problems, else the rules; source.py: places, and what is to be ignored
rules/             the rules, each a function over `ahead.py`
kinds.py           the table of step types: results, errors, what they are for
flow.py            shapes through every way; blocks.py: lists of steps; usage.py: who uses what
shapes.py          what a value may be; schema_shapes.py: by its schema; templates.py, reading.py: by an expression
"""

from __future__ import annotations

from sedo.lint.command import run

__all__ = ["run"]

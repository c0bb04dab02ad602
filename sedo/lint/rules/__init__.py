"""The rules that read ahead, each a function of its own; docs/lint.md describes them by their names.

expressions.py  never-filled always-default undeclared-field never-works
sizes.py        does-not-fit
unused.py       unused-result unused-stash
failures.py     dead-catch dead-retry no-retry
ways.py         unreachable-arm hot-loop
foreign.py      foreign-template
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sedo.lint.ahead import Ahead
from sedo.lint.reading import ALWAYS_DEFAULT, NEVER_FILLED, NEVER_WORKS, UNDECLARED_FIELD
from sedo.lint.rules import expressions, failures, foreign, sizes, unused, ways

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, how bad it is, and a check that yields JSON Pointers and sentences."""

    name: str
    severity: str
    check: Callable[[Ahead], Iterator[tuple[str, str]]]


RULES: tuple[Rule, ...] = (
    Rule(NEVER_FILLED, ERROR, expressions.never_filled),
    Rule(NEVER_WORKS, ERROR, expressions.never_works),
    Rule("does-not-fit", ERROR, sizes.does_not_fit),
    Rule(ALWAYS_DEFAULT, WARNING, expressions.always_default),
    Rule(UNDECLARED_FIELD, WARNING, expressions.undeclared_field),
    Rule("unused-result", WARNING, unused.unused_result),
    Rule("unused-stash", WARNING, unused.unused_stash),
    Rule("dead-catch", WARNING, failures.dead_catch),
    Rule("dead-retry", WARNING, failures.dead_retry),
    Rule("no-retry", WARNING, failures.no_retry),
    Rule("unreachable-arm", WARNING, ways.unreachable_arm),
    Rule("hot-loop", WARNING, ways.hot_loop),
    Rule("foreign-template", WARNING, foreign.foreign_template),
)

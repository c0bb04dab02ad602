"""Expressions that ask for what cannot be there, or call a function that can only fail."""

from __future__ import annotations

from collections.abc import Iterator

from sedo.lint.ahead import Ahead
from sedo.lint.reading import ALWAYS_DEFAULT, NEVER_FILLED, NEVER_WORKS, UNDECLARED_FIELD
from sedo.lint.templates import read

Found = Iterator[tuple[str, str]]


def never_filled(ahead: Ahead) -> Found:
    """A path that no schema and no step before can fill, on any way."""
    return _complaints(ahead, NEVER_FILLED)


def always_default(ahead: Ahead) -> Found:
    """The same, where its author thought of its being absent: the other side of `||` always applies."""
    return _complaints(ahead, ALWAYS_DEFAULT)


def undeclared_field(ahead: Ahead) -> Found:
    """A field that a schema does not name, and does not forbid either."""
    return _complaints(ahead, UNDECLARED_FIELD)


def never_works(ahead: Ahead) -> Found:
    """A function that fails for every value that can come."""
    return _complaints(ahead, NEVER_WORKS)


def _complaints(ahead: Ahead, rule: str) -> Found:
    for field in ahead.fields:
        for expression in field.expressions():
            for name, sentence in read(expression.node, field.scope)[1]:
                if name == rule:
                    yield expression.path, sentence

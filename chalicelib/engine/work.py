"""The work and the depth that one validation against a schema may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chalicelib.engine.patterns import found_in, work_of

MAX_WORK = 100_000
"""So many checks are made for one value: a keyword is 1. Schemas can multiply: a `$ref` to two `$ref`s to two …"""
PARTS = 64
"""A check has so many parts, in which what takes less time than a keyword is counted: one is about 0.1 µs."""
MAX_DEPTH = 1_360
"""So deep may keywords lead to keywords: about twice the frames that they take, of a stack of a thousand."""
_parts_left: ContextVar[int] = ContextVar("parts_left")
_depth: ContextVar[int] = ContextVar("depth")


class TooMuch(Exception):
    """The budget of one validation is spent."""


class TooDeep(Exception):
    """Keywords lead to keywords without end. Python's own limit is no help: compiled parts below panic at it."""


@contextmanager
def budget() -> Iterator[None]:
    """Give one validation its budget. Inside, bounded validators may raise TooMuch and TooDeep."""
    work, depth = _parts_left.set(MAX_WORK * PARTS), _depth.set(0)
    try:
        yield
    finally:
        _depth.reset(depth)
        _parts_left.reset(work)


def spend(checks: int) -> None:
    """Take checks from the budget. Raises TooMuch."""
    spend_parts(checks * PARTS)


def spend_parts(parts: int) -> None:
    """Take parts of checks from the budget. Raises TooMuch."""
    left = _parts_left.get() - parts
    if left < 0:
        raise TooMuch
    _parts_left.set(left)


def descend(weight: int) -> int:
    """Go deeper by what a keyword weighs, and return how deep that is. Raises TooDeep."""
    depth = _depth.get() + weight
    if depth > MAX_DEPTH:
        raise TooDeep
    _depth.set(depth)
    return depth


def ascend(weight: int) -> None:
    """Come back from where `descend` went."""
    _depth.set(_depth.get() - weight)


def matches(pattern: str, text: str) -> bool:
    """Say whether a pattern is found in a text, in linear time."""
    spend(1 + work_of(pattern, text))
    return found_in(pattern, text)

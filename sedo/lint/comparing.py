"""Comparing shapes: which answers `==`, `<` and their kin can give."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from chalicelib.engine.values import equal
from sedo.lint import shapes
from sedo.lint.shapes import BOOLEAN, NEVER, NULL, Shape

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
"""The comparisons that need an order, as they are written."""


def compared(comparator: str, one: Shape, other: Shape) -> Shape:
    """Return what a comparison can give."""
    if one.never or other.never:
        return NEVER
    if comparator in ("eq", "ne"):
        can_equal, can_differ = _can_equal(one, other), _can_differ(one, other)
        answers = [comparator == "eq"] * can_equal + [comparator != "eq"] * can_differ
        return shapes.join_all(shapes.of_value(answer) for answer in answers)
    return _ordered(_ORDERS[comparator], one, other)


def _can_equal(one: Shape, other: Shape) -> bool:
    if one.unknown or other.unknown or (one.members and other.members) or (one.items and other.items):
        return True
    if one.literals is not None and other.literals is not None:
        return any(equal(left, right) for left in one.literals for right in other.literals)
    return bool(_kinds(one) & _kinds(other))


def _can_differ(one: Shape, other: Shape) -> bool:
    """Say whether two values can differ: they cannot where both are one and the same plain value."""
    single = [shape.literals for shape in (one, other) if not (shape.unknown or shape.members or shape.items)]
    if len(single) < 2 or single[0] is None or single[1] is None:
        return True
    return any(not equal(left, right) for left in single[0] for right in single[1])


def _kinds(shape: Shape) -> set[str]:
    """Return the kinds of plain values; of few known values, those that they have."""
    return set(shape.kinds) if shape.literals is None else {shapes.kind_of(value) for value in shape.literals}


def _ordered(order: Callable[[Any, Any], bool], one: Shape, other: Shape) -> Shape:
    """Two numbers or two texts have an order; all else gives null."""
    if one.unknown or other.unknown:
        return shapes.join(BOOLEAN, NULL)
    common = _kinds(one) & _kinds(other) & {"number", "string"}
    if not common:
        return NULL
    mixed = _kinds(one) != common or _kinds(other) != common or len(common) > 1
    if mixed or one.members or one.items or other.members or other.items:
        return shapes.join(BOOLEAN, NULL)
    if one.literals is None or other.literals is None:
        return BOOLEAN
    return shapes.join_all(shapes.of_value(order(left, right)) for left in one.literals for right in other.literals)

"""Whether a shape allows a value: what the tests hold the linter to."""

from __future__ import annotations

from typing import Any

from chalicelib.engine.values import equal
from sedo.lint.shapes import ANYTHING, CLOSED, Shape, kind_of


def admits(shape: Shape, value: Any) -> bool:
    if shape.unknown:
        return True
    if isinstance(value, dict):
        return _object(shape, value)
    if isinstance(value, list):
        items = shape.items
        return items is not None and len(value) >= items.least and all(admits(items.item, item) for item in value)
    if kind_of(value) not in shape.kinds:
        return False
    if shape.literals is not None:
        return any(equal(value, literal) for literal in shape.literals)
    return not isinstance(value, str) or len(value) >= shape.text_least


def _object(shape: Shape, value: dict[str, Any]) -> bool:
    members = shape.members
    if members is None or not members.required <= value.keys():
        return False
    if members.openness == CLOSED and value.keys() - members.fields.keys():
        return False
    return all(admits(members.fields.get(name, members.rest or ANYTHING), item) for name, item in value.items())

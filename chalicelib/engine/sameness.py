"""Equality of JSON values as JSON Schema has it, in linear time: `true` is not 1, `1` is `1.0`, members are a set."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator


def key_of(value: Any) -> Hashable:
    """Return what is equal for equal values, and hashable."""
    if isinstance(value, dict):
        return frozenset((name, key_of(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(key_of(item) for item in value)
    return ("bool", value) if isinstance(value, bool) else value


def unique_items(validator: Validator, unique: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`uniqueItems` as jsonschema has it, but not with the square of the items."""
    if unique and validator.is_type(instance, "array") and len({key_of(item) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")

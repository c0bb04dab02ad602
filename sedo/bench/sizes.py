"""What an item weighs for DynamoDB, by its published rules, to check what an emulator says it consumed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

WRITE_UNIT_BYTES = 1024


def item_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of an item of strings, numbers and bytes: names and values, a number half its digits and one."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def write_units(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the units of one write, by started KB."""
    return math.ceil(item_bytes(item) / WRITE_UNIT_BYTES)


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            return (len(content.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case _:
            raise ValueError(f"attributes of kind {kind} are not used")

"""JSON values: strict equality, and a size that stops counting when it is too large."""

from __future__ import annotations

import math
from typing import Any

MAX_VALUE_BYTES = 65_536


def equal(left: Any, right: Any) -> bool:
    """Compare as JSON: `true` is not 1, `1` is `1.0`, the order of members does not matter."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return type(left) is type(right) and left == right or (_number(left) and _number(right) and left == right)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def size(value: Any, limit: int = MAX_VALUE_BYTES) -> int:
    """Return about how many bytes the JSON of a value takes; counting stops a little above `limit`."""
    total = 0
    open_values = [value]
    while open_values and total <= limit:
        found = open_values.pop()
        if isinstance(found, str):
            total += 2 + (len(found) if found.isascii() else len(found.encode("utf-8", "surrogatepass")))
        elif isinstance(found, dict):
            total += 2 + 2 * len(found)
            if total <= limit:
                open_values.extend(found)
                open_values.extend(found.values())
        elif isinstance(found, list):
            total += 2 + len(found)
            if total <= limit:
                open_values.extend(found)
        elif isinstance(found, int) and not isinstance(found, bool):
            total += found.bit_length() // 3 + 1
        else:
            total += 5
    return total


def finite(value: Any) -> bool:
    """Say whether a value holds no NaN and no infinity, which JSON has no words for."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    return not isinstance(value, list) or all(finite(item) for item in value)

"""JSON values: strict equality, and what a value must be to be stored (its size is counted on the way)."""

from __future__ import annotations

import hashlib
import json
import math
from json.encoder import encode_basestring
from typing import Any

from chalicelib.engine.errors import DATA_INVALID, DATA_TOO_LARGE, SedoError

MAX_VALUE_BYTES = 4 * 1024 * 1024
LARGE_VALUE_BYTES = 4096
"""Larger ones are likely to be stored apart, and count against what an execution may record."""
MAX_EXECUTION_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100
MAX_INTEGER_BITS = 1024
"""As far as JSON numbers reach elsewhere; Python's own have no end, and their text would be refused later."""


class Unfit(SedoError):
    """A value that cannot be stored; `name` is the error that a definition can catch."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def equal(left: Any, right: Any) -> bool:
    """Compare as JSON: `true` is not 1, `1` is `1.0`, the order of members does not matter."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return (type(left) is type(right) or (_number(left) and _number(right))) and bool(left == right)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(value: Any) -> str:
    """Return the compact JSON of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return the fingerprint of a value: the same for what is equal as JSON."""
    canonical = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def canonical(value: Any) -> str:
    """Return a text that two values share if they are equal as JSON, and only then."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(key)}:{canonical(value[key])}" for key in sorted(value)]) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"{whole:x}" if isinstance(whole, int) and not isinstance(whole, bool) else repr(whole)


def size(value: Any, limit: int = MAX_VALUE_BYTES) -> int:
    """Return about how many bytes the JSON of a value takes; counting stops a little above `limit`."""
    total = 0
    open_values = [value]
    for found in open_values:  # which grows on the way
        if isinstance(found, str):
            plain = found.isascii() and len(found) <= limit and found.isprintable()
            total += len(found) + 2 if plain else _text_size(found, limit)
        elif isinstance(found, dict):
            total += 2 + 2 * len(found)
            if total <= limit:
                open_values += found
                open_values += found.values()
        elif isinstance(found, list):
            total += 2 + len(found)
            if total <= limit:
                open_values += found
        else:
            total += _plain_size(found)
        if total > limit:
            break
    return total


def _text_size(text: str, limit: int) -> int:
    """Return about the bytes of a text in JSON: a control character takes six."""
    if len(text) > limit:
        return len(text) + 2
    written: str = encode_basestring(text)
    return len(written) if written.isascii() else len(written.encode("utf-8", "surrogatepass"))


def _plain_size(value: Any) -> int:
    if isinstance(value, float):
        return len(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() // 3 + 1
    return 5


def measure(value: Any, what: str = "the value", limit: int = MAX_VALUE_BYTES) -> int:
    """Return the size of a value that can be stored; raises Unfit for what is too large, too deep, or no JSON."""
    if isinstance(value, str) and len(value) < limit and value.isascii() and value.isprintable():
        return len(value) + 2
    total = size(value, limit)
    if total > limit:
        raise Unfit(DATA_TOO_LARGE, f"{what} is larger than {limit} bytes of JSON")
    level = [value]
    for _ in range(MAX_DEPTH):
        level = _below(level, what)
        if not level:
            return total
    raise Unfit(DATA_TOO_LARGE, f"{what} is nested more than {MAX_DEPTH} levels deep")


def _below(level: list[Any], what: str) -> list[Any]:
    """Return what the values of one level hold. Raises Unfit for a plain value that is no JSON."""
    below: list[Any] = []
    for found in level:
        if isinstance(found, str):
            if not found.isascii() and not _is_unicode(found):
                raise Unfit(DATA_INVALID, f"{what} holds {plain_flaw(found)}")
        elif isinstance(found, dict):
            for key in found:
                if not isinstance(key, str):
                    raise Unfit(DATA_INVALID, f"{what} holds a key that is no text")
            below += found
            below += found.values()
        elif isinstance(found, list):
            below += found
        else:
            flaw = plain_flaw(found)
            if flaw is not None:
                raise Unfit(DATA_INVALID, f"{what} holds {flaw}")
    return below


def plain_flaw(value: Any) -> str | None:
    """Return what is wrong with a text, number, true, false or null: None if JSON and UTF-8 can hold it."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if _is_unicode(value) else "half of a character (a lone surrogate)"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value}, which is no JSON number"
    if isinstance(value, int):
        return None if value.bit_length() <= MAX_INTEGER_BITS else "a whole number without end"
    return f"something that is no JSON ({type(value).__name__})"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

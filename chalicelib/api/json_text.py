"""JSON, strictly: every key once, no NaN, numbers of bounded length, and the place of what is wrong."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from chalicelib.api.plain import MAX_DEPTH, MAX_INTEGER_DIGITS, Malformed, position

# An unterminated string ends with the text, so that a scan stays linear in hostile bodies.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_TOKEN = re.compile(_STRING + r"|[{}\[\],:]", re.DOTALL)


class _Odd(Exception):
    """Valid for Python's parser, not for ours; `literal` is how it is written."""

    def __init__(self, message: str, literal: str) -> None:
        super().__init__(message)
        self.literal = literal


class _RepeatedKey(Exception):
    """An object has a key twice."""


def read(text: str) -> Any:
    """Return the value of a JSON text. Raises Malformed with line and column."""
    try:
        return json.loads(
            text, object_pairs_hook=_members, parse_constant=_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"not valid JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except _Odd as odd:
        pattern = re.compile(rf"{_STRING}|({re.escape(odd.literal)})", re.DOTALL)
        found = next((match for match in pattern.finditer(text) if match[1] is not None), None)
        line, column = position(text, found.start() if found else 0)
        raise Malformed(str(odd), line=line, column=column) from None
    except _RepeatedKey:
        raise _repeated(text) from None
    except RecursionError:
        raise Malformed(f"nested too deeply: at most {MAX_DEPTH} levels are allowed") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedKey
    return members


def _constant(literal: str) -> Any:
    raise _Odd(f"{literal} is not a JSON number", literal)


def _integer(literal: str) -> int:
    if len(literal) > MAX_INTEGER_DIGITS:
        message = f"a whole number of {len(literal)} digits: at most {MAX_INTEGER_DIGITS} are allowed"
        raise _Odd(message, literal)
    return int(literal)


def _number(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise _Odd(f"the number is too large: {literal[:40]}", literal)
    return number


def _repeated(text: str) -> Malformed:
    """Find the first key that its object has already. The text is well-formed at least to there."""
    open_keys: list[set[str] | None] = []
    key_next = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            open_keys.append(set() if mark == "{" else None)
            key_next = mark == "{"
        elif mark in "}]":
            open_keys.pop()
        elif mark == ",":
            key_next = open_keys[-1] is not None
        elif mark != ":" and key_next:
            keys, key, key_next = open_keys[-1], json.loads(mark), False
            if keys is not None and key in keys:
                line, column = position(text, token.start())
                return Malformed(f"key {key!r} is written twice in one object", line=line, column=column)
            if keys is not None:
                keys.add(key)
    return Malformed("a key is written twice in one object")

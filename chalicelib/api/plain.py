"""What no body may contain, however it is written: deep nesting, numbers without end, halves of characters."""

from __future__ import annotations

import math
from typing import Any

from chalicelib.engine.errors import Problem, SedoError

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 30
MAX_NODES = 20_000
BYTES_PER_NODE = 10
"""A body that may be larger may hold more values: one for so many of the bytes that are allowed."""


class Malformed(SedoError):
    """A body that is no JSON or YAML of ours; `problem` says where and why."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None, path: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(path, message, line=line, column=column)


def position(text: str, index: int) -> tuple[int, int]:
    """Return line and column, both from 1, of a place in a text."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def escape(key: str) -> str:
    """Return one key as a part of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def check(value: Any, max_nodes: int = MAX_NODES) -> None:
    """Look at all values in a value. Raises Malformed with the path of the first that may not be there."""
    level = [value]
    total = 0
    for _ in range(MAX_DEPTH + 1):
        total += len(level)
        below: list[Any] = []
        for found in level:
            if not _is_plain(found):
                _complain(value)
            if isinstance(found, dict | list):
                if (
                    total + len(below) + len(found) > max_nodes
                ):  # before they are made: one list may stand in many places
                    raise Malformed(f"too many values: at most {max_nodes:,} are allowed", path="")
                below.extend(found.values() if isinstance(found, dict) else found)
        if not below:
            return
        level = below
    _complain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, dict):
        return all(map(_is_text, value))
    return not isinstance(value, float) or math.isfinite(value)


def _is_text(text: str) -> bool:
    """A lone surrogate cannot be written as UTF-8, so it could never be stored or shown."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _complain(value: Any, path: str = "", depth: int = 0) -> None:
    """Look again at a value in which something is wrong, and raise Malformed with the path of the first such thing."""
    if depth > MAX_DEPTH:
        raise Malformed(f"nested too deeply: at most {MAX_DEPTH} levels are allowed", path=path)
    if isinstance(value, dict):
        for key, item in value.items():
            at = f"{path}/{escape(key)}"
            _check_text(key, at)
            _complain(item, at, depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _complain(item, f"{path}/{i}", depth + 1)
    elif isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Malformed("the number is too large", path=path)


def _check_text(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = f"\\u{ord(text[error.start]):04x}"
        raise Malformed(f"{shown} is half of a character", path=path.encode(errors="replace").decode()) from None

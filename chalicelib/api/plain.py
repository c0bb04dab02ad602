"""What no body may contain, however it is written: deep nesting, numbers without end, halves of characters."""

from __future__ import annotations

import math
from typing import Any

from chalicelib.engine.errors import Problem, SedoError

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 30
MAX_NODES = 20_000


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


def check(value: Any, path: str = "", depth: int = 0) -> int:
    """Return how many values are in a value (itself too). Raises Malformed with the path of what may not be there."""
    if depth > MAX_DEPTH:
        raise Malformed(f"nested too deeply: at most {MAX_DEPTH} levels are allowed", path=path)
    count = 1
    if isinstance(value, dict):
        for key, item in value.items():
            at = f"{path}/{escape(key)}"
            _check_text(key, at)
            count += check(item, at, depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            count += check(item, f"{path}/{i}", depth + 1)
    elif isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Malformed("the number is too large", path=path)
    if count > MAX_NODES:
        raise Malformed(f"too many values: at most {MAX_NODES:,} are allowed", path="")
    return count


def _check_text(text: str, path: str) -> None:
    """A lone surrogate cannot be written as UTF-8, so it could never be stored or shown."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = f"\\u{ord(text[error.start]):04x}"
        raise Malformed(f"{shown} is half of a character", path=path.encode(errors="replace").decode()) from None

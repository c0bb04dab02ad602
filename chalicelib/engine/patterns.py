"""Patterns of authors, matched in time linear in the text (RE2): no pattern and no text can hang a processor.

RE2 reads what JSON Schema asks for (ECMA-262) but for look-around, back references and a few escapes; `\\uXXXX`, which
it lacks, is translated. See docs/decisions/009-patterns-by-re2.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 4096
_MAX_PROGRAM_BYTES = 1 << 19
_STEPS_PER_WORK = 4_000
"""RE2 takes about 200 million steps (characters times size of its program) a second at its worst: this is 0.1 ms."""
# RE2 refuses more than 1,000 repetitions, but takes a number beyond its integers for plain text.
_HUGE_REPETITION = re.compile(r"(?<!\\)\{[0-9,]{6,}")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


class NotSupported(ValueError):
    """A pattern that cannot be used; the text says why."""


def check_pattern(text: str) -> None:
    """Raise NotSupported, with the reason, for a pattern that does not compile here."""
    _compiled(text)


def found_in(pattern: str, text: str) -> bool:
    """Say whether a pattern is found anywhere in a text."""
    return _compiled(pattern).search(text) is not None


def work_of(pattern: str, text: str) -> int:
    """Return what a search costs at most, in the unit of a validation's budget."""
    return len(text) * int(_compiled(pattern).programsize) // _STEPS_PER_WORK


@lru_cache(maxsize=128)
def _compiled(text: str) -> Any:
    if len(text) > MAX_LENGTH:
        raise NotSupported(f"it has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    if _HUGE_REPETITION.search(text):
        raise NotSupported("a repetition may count to 1000")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        return re2.compile(_ESCAPE.sub(_translated, text), options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        raise NotSupported(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    except UnicodeEncodeError:
        raise NotSupported("it holds half of a character (a lone surrogate)") from None


def _translated(escape: re.Match[str]) -> str:
    found = escape[1]
    return f"\\x{{{found[1:]}}}" if len(found) == 5 else escape[0]

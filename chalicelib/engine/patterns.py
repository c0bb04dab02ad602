"""Patterns of authors, matched in time linear in the text (RE2): no pattern and no text can hang a processor.

RE2 reads what JSON Schema asks for (ECMA-262) but for look-around, back references and a few escapes; `\\uXXXX`, which
it lacks, is translated. See docs/decisions/009-patterns-by-re2.md.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

import re2

MAX_LENGTH = 4096
_MAX_PROGRAM_BYTES = 1 << 19
_STEPS_PER_WORK = 4_000
"""RE2 takes about 200 million steps (characters times size of its program) a second at its worst: this is 0.1 ms."""
MAX_COMPILED = 4_000_000
"""So much may compiling the patterns of one definition take: about a second at its worst."""
_PER_PATTERN = 150
_PER_CHARACTER = 10
_PER_CLASS = 500
_REFUSED = 20_000
_UNICODE_CLASS = re.compile(r"\\[pP]")
# RE2 refuses more than 1,000 repetitions, but takes a number beyond its integers for plain text.
_HUGE_REPETITION = re.compile(r"(?<!\\)\{[0-9,]{6,}")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


class NotSupported(ValueError):
    """A pattern that cannot be used; the text says why."""


class Pattern(str):
    """A pattern that is compiled once, however many others there are."""

    @cached_property
    def compiled(self) -> Any:
        """Return the pattern as RE2 has it. Raises NotSupported."""
        return _compiled(str(self))


class PatternBudget:
    """What compiling the patterns of one definition may still take."""

    def __init__(self) -> None:
        self._left = MAX_COMPILED
        self._reasons: dict[str, str | None] = {}

    def reason(self, text: str) -> str | None:
        """Return why a pattern cannot be used, or None.

        The first one beyond the budget cannot; those after it are not looked at.
        """
        if self._left >= 0 and text not in self._reasons:
            self._reasons[text] = self._found(text)
        return self._reasons.get(text)

    def _found(self, text: str) -> str | None:
        self._left -= _PER_PATTERN + _PER_CHARACTER * len(text) + _PER_CLASS * len(_UNICODE_CLASS.findall(text))
        if self._left >= 0:
            try:
                self._left -= int(_compiled(text).programsize)
            except NotSupported as reason:
                self._left -= _REFUSED
                return str(reason)
        return "with those before it, it takes too much to compile" if self._left < 0 else None


def found_in(pattern: str, text: str) -> bool:
    """Say whether a pattern is found anywhere in a text."""
    return _ready(pattern).search(text) is not None


def work_of(pattern: str, text: str) -> int:
    """Return what a search costs at most, in the unit of a validation's budget."""
    return len(text) * int(_ready(pattern).programsize) // _STEPS_PER_WORK


def _ready(pattern: str) -> Any:
    return pattern.compiled if isinstance(pattern, Pattern) else _compiled(pattern)


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

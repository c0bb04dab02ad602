"""JSON values to small bytes and back: large values that recur are stored once, then zlib with a preset dictionary.

A blob is one marker byte and a zlib stream of lines of JSON. The last line is the value; the lines before it are large
values that it holds more than once, in its place `{"~": <line>}`. A value of the user's that looks like such a
reference is kept as text: `{"~": "<its JSON>"}`. The marker names the layout and the dictionary; neither may change
under it.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from chalicelib.adapters.dictionary import DICTIONARY
from chalicelib.engine.errors import UnsupportedHead

MARKER = 1
MARKER_WITH_TABLE = 2
"""As MARKER, but the value is `[table, value]`: some of what belongs in it is elsewhere (references.py)."""
SHARED_ABOVE_CHARACTERS = 100
MAX_DEPTH = 64
_REFERENCE = "~"
_REFERENCE_TEXT = '"~":'

_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def pack(value: Any, shared: Iterable[Any] = (), context: str = "", marker: int = MARKER) -> bytes:
    """Pack a JSON value; `shared` lists the parts that may recur in it, `context` is text known when it is unpacked.

    All of the user's data must be in `shared`, or hold no object whose only member is `~`.
    """
    return bytes((marker,)) + _squeeze("\n".join(_Sharing(shared).lines(value)), context)


def unpack(blob: bytes, context: str = "") -> Any:
    """Read what `pack` wrote. Raises UnsupportedHead for anything else."""
    if not blob or blob[0] not in (MARKER, MARKER_WITH_TABLE):
        raise UnsupportedHead(f"stored bytes begin with {blob[:1]!r}, this code reads {bytes((MARKER,))!r}")
    try:
        inflater = zlib.decompressobj(zdict=_dictionary(context))
        data = inflater.decompress(blob[1:]) + inflater.flush()
        if not inflater.eof:
            raise UnsupportedHead("stored bytes are cut short")
        return _read(data.decode("utf-8", "surrogatepass"))
    except (zlib.error, ValueError, IndexError, TypeError, RecursionError) as error:
        raise UnsupportedHead(f"stored bytes are damaged: {error!r}") from error


def _squeeze(text: str, context: str) -> bytes:
    deflater = zlib.compressobj(level=7, zdict=_dictionary(context))
    return deflater.compress(text.encode("utf-8", "surrogatepass")) + deflater.flush()


def _dictionary(context: str) -> bytes:
    return DICTIONARY + context.encode("utf-8", "surrogatepass")


def _read(text: str) -> Any:
    if _REFERENCE_TEXT not in text:
        return json.loads(text)
    table: list[Any] = []

    def resolve(found: dict[str, Any]) -> Any:
        if len(found) != 1 or _REFERENCE not in found:
            return found
        reference = found[_REFERENCE]
        return json.loads(reference) if isinstance(reference, str) else table[reference]

    for line in text.split("\n"):
        table.append(json.loads(line, object_hook=resolve))  # noqa: PERF401 - a line refers to those before it
    return table[-1]


class _Sharing:
    """Finds what recurs in the parts of one value, and writes it once."""

    def __init__(self, parts: Iterable[Any]) -> None:
        # The values stay alive while they are packed, so their addresses name them.
        self._texts: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._places: dict[str, int] = {}
        self._table: list[Any] = []
        self._parts: set[int] = set()
        for part in parts:
            self._parts.add(id(part))
            self._count(part, 0)

    def lines(self, value: Any) -> list[str]:
        """Return the lines of a blob."""
        if not any(count > 1 for count in self._counts.values()):
            text = _dumps(value)
            if _REFERENCE_TEXT not in text:
                return [text]
        last = self._outside(value)
        return [_dumps(entry) for entry in [*self._table, last]]

    def _outside(self, value: Any) -> Any:
        """Return what holds the parts, with them replaced."""
        if id(value) in self._parts:
            return self._shared(value, 0)
        if isinstance(value, dict):
            return {name: self._outside(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._outside(inner) for inner in value]
        return value

    def _count(self, value: Any, depth: int) -> None:
        text = self._text(value)
        if len(text) <= SHARED_ABOVE_CHARACTERS:
            return
        self._counts[text] += 1
        if self._counts[text] > 1 or depth == MAX_DEPTH:
            return
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._count(part, depth + 1)

    def _text(self, value: Any) -> str:
        """Return a value's JSON; of short and simple values nothing, for they are never shared."""
        if isinstance(value, str):
            return _dumps(value) if len(value) > SHARED_ABOVE_CHARACTERS else ""
        if not isinstance(value, dict | list):
            return ""
        text = self._texts.get(id(value))
        if text is None:
            text = self._texts[id(value)] = _dumps(value)
        return text

    def _shared(self, value: Any, depth: int) -> Any:
        text = self._text(value)
        if not text:
            return value
        if self._counts.get(text, 0) > 1:
            if text not in self._places:
                entry = self._inside(value, depth)
                self._places[text] = len(self._table)
                self._table.append(entry)
            return {_REFERENCE: self._places[text]}
        if len(text) <= SHARED_ABOVE_CHARACTERS or depth >= MAX_DEPTH:
            return {_REFERENCE: text} if _REFERENCE_TEXT in text else value
        return self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> Any:
        """Return a value with its parts replaced by references where they recur."""
        if isinstance(value, dict):
            if len(value) == 1 and _REFERENCE in value:
                return {_REFERENCE: _dumps(value)}
            return {name: self._shared(part, depth + 1) for name, part in value.items()}
        if isinstance(value, list):
            return [self._shared(part, depth + 1) for part in value]
        return value

"""YAML 1.2 as far as it is JSON: the core schema's scalars, no tags, string keys once each, bounded aliases.

Values are built from parser events, not by a constructor: `no`, `on`, `12:30` and dates stay text, and every value's
place is known.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from chalicelib.api.plain import MAX_DEPTH, MAX_INTEGER_DIGITS, MAX_NODES, Malformed, escape, position

MAX_EXPANDED_CHARACTERS = 262_144

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Positions(dict[str, tuple[int, int]]):
    """JSON Pointer → line and column of a value, both from 1; `of_keys` has those of the names before values."""

    def __init__(self) -> None:
        super().__init__()
        self.of_keys: dict[str, tuple[int, int]] = {}

    def place(self, path: str, *, at_key: bool = False) -> tuple[int, int] | None:
        """Return the place of a value, or of its name; of the nearest thing that holds it where it has none itself."""
        if at_key and path in self.of_keys:
            return self.of_keys[path]
        while path and path not in self:
            path = path.rpartition("/")[0]
        return self.get(path)


def read(text: str) -> tuple[Any, Positions]:
    """Return the value of a YAML text and where each of its values begins. Raises Malformed with line and column."""
    builder = _Builder(_events(text))
    try:
        return builder.document(), builder.positions
    except RecursionError:  # aliases of aliases are deeper than what is written
        raise Malformed(f"nested too deeply: at most {MAX_DEPTH} levels are allowed") from None


def _events(text: str) -> Iterator[Any]:
    """Yield parser events; everything the parser raises on a text becomes Malformed."""
    mark: Any = None
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            mark = event.end_mark
            yield event
    except ReaderError as error:
        line, column = position(text, error.position)
        raise Malformed("a control character must be escaped", line=line, column=column) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise _not_yaml(message, mark) from None
    except (YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError, AssertionError) as error:
        # The parser is known to raise these on texts that are no YAML, e.g. for escapes beyond Unicode.
        raise _not_yaml(str(error), mark) from None


def _not_yaml(message: str, mark: Any) -> Malformed:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    message = message.replace(r"'\x00'", "the end").replace("'<stream end>'", "the end")
    return Malformed(f"not valid YAML: {message}", line=line, column=column)


@dataclass(slots=True)
class _Anchored:
    value: Any
    nodes: int
    characters: int


@dataclass(slots=True)
class _Builder:
    """Turns events into a value; counts what aliases expand to, so that a few lines cannot fill the memory."""

    events: Iterator[Any]
    positions: Positions = field(default_factory=Positions)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    nodes: int = 0
    characters: int = 0

    def document(self) -> Any:
        self._expect(StreamStartEvent)
        event = next(self.events)
        if isinstance(event, StreamEndEvent):
            raise Malformed("the body holds no document", line=1, column=1)
        if not isinstance(event, DocumentStartEvent):
            _refuse(event, "expected a document")
        value = self._value(next(self.events), "", 0)
        self._expect(DocumentEndEvent)
        event = next(self.events)
        if not isinstance(event, StreamEndEvent):
            _refuse(event, "a second document begins: one is expected")
        return value

    def _expect(self, kind: type[Any]) -> None:
        event = next(self.events)
        if not isinstance(event, kind):
            _refuse(event, "something else was expected here")

    def _value(self, event: Any, path: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            _refuse(event, f"nested too deeply: at most {MAX_DEPTH} levels are allowed")
        self.positions[path] = _place(event)
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            _refuse(event, f"tags are not allowed, found {tag}")
        before = self.nodes, self.characters
        if event.anchor:
            self.open_anchors.add(event.anchor)
        value = self._unanchored(event, path, depth)
        if event.anchor:
            self.open_anchors.discard(event.anchor)
            self.anchors[event.anchor] = _Anchored(value, self.nodes - before[0], self.characters - before[1])
        return value

    def _unanchored(self, event: Any, path: str, depth: int) -> Any:
        if isinstance(event, ScalarEvent):
            self._count(event, 1, len(event.value))
            return _scalar(event)
        self._count(event, 1, 0)
        if isinstance(event, SequenceStartEvent):
            return self._items(path, depth)
        if isinstance(event, MappingStartEvent):
            return self._members(path, depth)
        return _refuse(event, "expected a value")

    def _items(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            items.append(self._value(event, f"{path}/{len(items)}", depth + 1))
        return items

    def _members(self, path: str, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._key(event)
            if key in members:
                _refuse(event, f"key {key!r} is written twice in one mapping")
            below = f"{path}/{escape(key)}"
            self.positions.of_keys[below] = _place(event)
            members[key] = self._value(next(self.events), below, depth + 1)
        return members

    def _key(self, event: Any) -> str:
        if not isinstance(event, ScalarEvent | AliasEvent):
            _refuse(event, "a key must be text, found a list or mapping")
        key = self._value(event, "-", 0)
        if not isinstance(key, str):
            found = event.value if isinstance(event, ScalarEvent) and event.value else "null"
            _refuse(event, f"a key must be text, found {found}: write it in quotes")
        return key

    def _alias(self, event: Any) -> Any:
        anchored = self.anchors.get(event.anchor)
        if event.anchor in self.open_anchors:
            _refuse(event, f"alias *{event.anchor} is inside the very value it stands for")
        if anchored is None:
            _refuse(event, f"there is no anchor &{event.anchor} before this alias")
        self._count(event, anchored.nodes, anchored.characters)
        return copy.deepcopy(anchored.value)

    def _count(self, event: Any, nodes: int, characters: int) -> None:
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            _refuse(event, f"too many values, aliases written out: at most {MAX_NODES:,} are allowed")
        if self.characters > MAX_EXPANDED_CHARACTERS:
            _refuse(event, f"too much text, aliases written out: at most {MAX_EXPANDED_CHARACTERS:,} characters")


def _scalar(event: Any) -> Any:
    """Resolve a scalar by the core schema of YAML 1.2; what is quoted is text."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            if len(text) > MAX_INTEGER_DIGITS:
                _refuse(event, f"a whole number of {len(text)} digits: at most {MAX_INTEGER_DIGITS} are allowed")
            return int(text, base)
    if _ENDLESS.fullmatch(text):
        _refuse(event, f"{text} is not a JSON number")
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            _refuse(event, f"the number is too large: {text[:40]}")
        return number
    return text


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _refuse(event: Any, message: str) -> NoReturn:
    line, column = _place(event)
    raise Malformed(message, line=line, column=column)

"""Values too large to travel in a head or a chunk: found, taken out before packing, and named by their content.

A number stands where a value was taken from, and not null, so that two objects that differ in what was taken are never
packed as one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.adapters.references import PART_BYTES, Path, Reference, Table, at_path, digest_of, references_in
from chalicelib.engine import values

KEEP_BYTES = values.LARGE_VALUE_BYTES
"""A value that packs to p KB costs p units in every commit that carries it, and p + 1 once to move out: from 4 KB on,
moving out pays with the second commit and costs a quarter more where there is none."""
KEEP_AT_MOST_BYTES = 65_536
"""JSON of more than this is moved out however well it packs, so that nobody unpacks it who does not need it."""
MAX_LARGE_MEMBERS = 8

_USERS_MEMBERS = ("input", "output", "stash")
_CURSOR_INPUT = 6
_MARK = '"$payload":'
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


class Taking:
    """Takes large values out of one structure; `blobs` are the payloads that must be stored first, by digest.

    `parts_of` tells of a payload that is stored already into how many parts, else None.
    """

    def __init__(self, parts_of: Callable[[str], int | None] = lambda _digest: None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.keep_bytes = KEEP_BYTES
        self._parts_of = parts_of
        self._moved: dict[int, tuple[Any, Any]] = {}  # holds the values, so that their addresses stay theirs
        self._found = False

    def out_of(self, structure: list[Any], places: Iterable[Path]) -> tuple[list[Any], Table]:
        """Return a copy of what holds the places, with numbers where values were taken, and the table of these.

        Without anything to take, the structure itself and no table.
        """
        hits: list[tuple[Path, Any]] = []
        for path in places:
            self._found = False
            value = self._out(at_path(structure, path))
            if self._found:
                hits.append((path, value))
        table: dict[str, list[Any]] = {}
        for path, value in hits:
            structure = _with(structure, path, _stripped(value, path, table))
        return structure, list(table.values())

    def _out(self, value: Any) -> Any:
        """Return a value with references for what is large in it."""
        weight, referring = _weigh(value, self.keep_bytes)
        self._found |= referring
        if weight <= self.keep_bytes:
            return value
        if id(value) not in self._moved:
            found, self._found = self._found, False
            self._moved[id(value)] = (value, (self._split(value), self._found))
            self._found |= found
        moved, referring = self._moved[id(value)][1]
        self._found |= referring
        return moved

    def _split(self, value: Any) -> Any:
        """Take out the few large members of what is small without them, else the whole."""
        if isinstance(value, dict | list):
            large = _large_members(value, self.keep_bytes)
            if large:
                copy: Any = value.copy()
                for key in large:
                    copy[key] = self._out(value[key])
                return copy
            if _refers(value):
                self._found = True
                return value
        return self._whole(value)

    def _whole(self, value: Any) -> Any:
        text = _dumps(value).encode("utf-8", "surrogatepass")
        if len(text) <= KEEP_AT_MOST_BYTES and len(zlib.compress(text, 1)) <= self.keep_bytes:
            return value
        digest = digest_of(text)
        parts = self._parts_of(digest)
        if parts is None:
            blob = self.blobs[digest] = zlib.compress(text)
            parts = -(-len(blob) // PART_BYTES)
        self._found = True
        return Reference(digest, len(text), parts)


def is_small(structure: Any) -> bool:
    """Say in the quickest way whether there is surely nothing to take out, as in most heads."""
    text = _dumps(structure)
    return len(text) <= KEEP_BYTES and text.isascii() and _MARK not in text


def head_places(body: Mapping[str, Any], details: Sequence[Mapping[str, Any]], at: Callable[[int], Path]) -> list[Path]:
    """Return where a head may hold large values: its members, its cursors' members, its events' details.

    Objects of the engine's own stay, so that also who resolves nothing can read them; their members may go.
    """
    places: list[Path] = []
    for name, value in body.items():
        if name != "cursors":
            places.extend(_places_in(value, (0, name), name in _USERS_MEMBERS))
    for i, row in enumerate(body.get("cursors", ())):
        for j, value in enumerate(row):
            places.extend(_places_in(value, (0, "cursors", i, j), j == _CURSOR_INPUT))
    places.extend(details_places(details, at))
    return places


def _places_in(value: Any, path: Path, is_users: bool) -> Iterator[Path]:
    if isinstance(value, dict) and not is_users:
        yield from ((*path, name) for name, member in value.items() if _may_be_large(member))
    elif _may_be_large(value):
        yield path


def details_places(details: Sequence[Mapping[str, Any]], at: Callable[[int], Path]) -> Iterator[Path]:
    """Yield where events may hold large values; `at` gives the path of an event's details."""
    for i, members in enumerate(details):
        for name, value in members.items():
            if _may_be_large(value):
                yield (*at(i), name)


def _may_be_large(value: Any) -> bool:
    return isinstance(value, dict | list) or (isinstance(value, str) and len(value) > 64)


def _weigh(value: Any, limit: int) -> tuple[int, bool]:
    """Return about how many bytes a value takes, counted until a little above `limit`, and if references were seen.

    References weigh nothing: what was small without its large members stays so.
    """
    if not isinstance(value, dict | list):
        return values.size(value, limit), False
    total, referring = 0, False
    open_values: list[Any] = [value]
    while open_values and total <= limit:
        found = open_values.pop()
        if isinstance(found, Reference):
            referring = True
        elif isinstance(found, dict):
            total += 2 + sum(len(key) + 4 for key in found)
            open_values.extend(found.values())
        elif isinstance(found, list):
            total += 2 + len(found)
            open_values.extend(found)
        else:
            total += values.size(found, limit)
    return total, referring


def _large_members(value: Any, keep_bytes: int) -> list[Any]:
    """Return the keys of the large members, if they are few and all else is small; else nothing."""
    large: list[Any] = []
    rest = 0
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        weight, _ = _weigh(member, keep_bytes)
        if weight > keep_bytes:
            large.append(key)
            weight = 0
        rest += weight + (len(key) + 4 if isinstance(key, str) else 1)
        if rest > keep_bytes or len(large) > MAX_LARGE_MEMBERS:
            return []
    return large


def _refers(value: Any) -> bool:
    return next(references_in(value), None) is not None


def _stripped(value: Any, path: Path, table: dict[str, list[Any]]) -> Any:
    """Return a copy of a value with numbers for references, which are entered into the table."""
    if isinstance(value, Reference):
        entry = table.setdefault(value.digest, [value.digest, value.bytes, value.parts, []])
        entry[3].append(list(path))
        return list(table).index(value.digest)
    if isinstance(value, dict):
        return {key: _stripped(member, (*path, key), table) for key, member in value.items()}
    if isinstance(value, list):
        return [_stripped(member, (*path, i), table) for i, member in enumerate(value)]
    return value


def _with(structure: Any, path: Path, value: Any) -> Any:
    """Return a structure with another value at a path; all that holds it is copied."""
    if not path:
        return value
    copy = structure.copy()
    copy[path[0]] = _with(structure[path[0]], path[1:], value)
    return copy

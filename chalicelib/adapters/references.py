"""Values too large to travel in a head or a chunk: what stands for them, and how they are put back.

Where a value was taken from (taking.py) stands its number in a table `[[digest, bytes, parts, [path, …]], …]`, which is
packed with the rest.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.engine.errors import UnsupportedHead

PART_BYTES = 384_000
"""What of a payload goes into one item, which can hold 400 KB."""


Path = tuple[Any, ...]
Table = list[list[Any]]


class Reference(dict[str, Any]):
    """Stands for a payload where it is not resolved; to all who do not know it, a small object that says so."""

    __slots__ = ("bytes", "digest", "parts")

    def __init__(self, digest: str, bytes: int, parts: int) -> None:
        super().__init__({"$payload": {"bytes": bytes, "digest": digest}})
        self.digest = digest
        self.bytes = bytes
        self.parts = parts


def digest_of(text: bytes) -> str:
    """Return the name of a payload: 128 bits of its content's hash. Who finds two of a kind harms his own data."""
    return urlsafe_b64encode(hashlib.sha256(text).digest()[:16]).decode().rstrip("=")


def parts_of_blob(blob: bytes) -> list[bytes]:
    """Return what goes into items."""
    return [blob[start : start + PART_BYTES] for start in range(0, len(blob), PART_BYTES)]


def value_of(reference: Reference, blob: bytes) -> Any:
    """Return the value of a payload. Raises UnsupportedHead for bytes that are not those that were stored."""
    try:
        text = zlib.decompressobj().decompress(blob, reference.bytes + 1)
        if digest_of(text) != reference.digest:
            raise UnsupportedHead(f"payload {reference.digest} is damaged")
        return json.loads(text.decode("utf-8", "surrogatepass"))
    except (zlib.error, ValueError, RecursionError) as error:
        raise UnsupportedHead(f"payload {reference.digest} is damaged: {error!r}") from error


def put_back(structure: Any, table: Table, found: Mapping[str, Any] | None, unresolved: Callable[[Path], bool]) -> None:
    """Put values where they were taken from, references where a path is `unresolved` or nothing was looked for.

    Raises UnsupportedHead for a payload that was looked for and not found.
    """
    for digest, size, parts, paths in table:
        for path in paths:
            value: Any = Reference(digest, size, parts)
            if found is not None and not unresolved(path):
                value = _resolved(value, found)
            holder = at_path(structure, path[:-1])
            holder[path[-1]] = value


def references_in(value: Any) -> Iterator[Reference]:
    """Yield the references in a value, in their order."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from references_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from references_in(member)


def fitting(references: Sequence[Reference], max_bytes: int) -> set[int]:
    """Return the places in the sequence of those that can be shown: from the smallest up, while there is room."""
    chosen: set[int] = set()
    for place in sorted(range(len(references)), key=lambda place: references[place].bytes):
        max_bytes -= references[place].bytes
        if max_bytes < 0:
            break
        chosen.add(place)
    return chosen


def filled(value: Any, chosen: set[int], found: Mapping[str, Any]) -> Any:
    """Return a copy of a value with the chosen ones of its references resolved; their places count from 0.

    Raises UnsupportedHead for one that was not found.
    """
    place = -1

    def walk(value: Any) -> Any:
        nonlocal place
        if isinstance(value, Reference):
            place += 1
            return _resolved(value, found) if place in chosen else value
        if isinstance(value, dict):
            return {name: walk(member) for name, member in value.items()}
        return [walk(member) for member in value] if isinstance(value, list) else value

    return walk(value)


def _resolved(reference: Reference, found: Mapping[str, Any]) -> Any:
    if reference.digest not in found:
        raise UnsupportedHead(f"payload {reference.digest} of {reference.bytes} bytes is missing or damaged")
    return found[reference.digest]


def at_path(structure: Any, path: Sequence[Any]) -> Any:
    """Return what stands at a path."""
    for key in path:
        structure = structure[key]
    return structure

"""How much an execution records in large values: a sum in its head, and what it holds already is not counted again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import DATA_TOO_LARGE
from chalicelib.engine.execution import Execution

MAX_NODES = 20_000
"""So many parts of a value are looked at to recognise what is held already; beyond that, all counts as new."""


class Volume:
    """The sum as of one decision. Values are recognised by identity, as expressions hand them on."""

    def __init__(self, execution: Execution) -> None:
        self.bytes = execution.data_bytes
        if execution.version == 0:  # it is being started, and nothing but its input is there
            size = values.size(execution.input)
            self.bytes = size if size > values.LARGE_VALUE_BYTES else 0
        self._execution = execution
        self._recorded: list[Any] = []  # stay alive, so that their addresses stay theirs
        self._held: set[int] | None = None

    def add(self, value: Any, size: int, *, counts_from: int = values.LARGE_VALUE_BYTES) -> None:
        """Count what is new in a value if it is more than `counts_from`. Raises Unfit beyond what may be recorded."""
        if size <= counts_from:
            return
        new = self._new_bytes(value, size)
        if new <= counts_from:
            return
        if self.bytes + new > values.MAX_EXECUTION_BYTES:
            limit = values.MAX_EXECUTION_BYTES
            raise values.Unfit(DATA_TOO_LARGE, f"the execution records more than {limit} bytes in large values")
        self.bytes += new
        self._recorded.append(value)
        self._ids().update(_ids_in(value))

    def _new_bytes(self, value: Any, size: int) -> int:
        """Return a size less what is held of it."""
        held = self._ids()
        open_values = [value]
        for _ in range(MAX_NODES):
            if not open_values:
                break
            found = open_values.pop()
            if id(found) in held:
                size -= values.size(found)
            elif isinstance(found, dict):
                open_values.extend(found.values())
            elif isinstance(found, list):
                open_values.extend(found)
        return size

    def _ids(self) -> set[int]:
        if self._held is None:
            head = self._execution
            roots = [head.input, *head.stash.values()]
            roots += [part for cursor in head.cursors for part in (cursor.input, cursor.held, cursor.vars)]
            self._held = {found for root in roots for found in _ids_in(root)}
        return self._held


def _ids_in(value: Any) -> Iterator[int]:
    """Yield the identities of a value and of the lists, objects and long texts in it, the outer ones first."""
    level = [value]
    left = MAX_NODES
    while level and left > 0:
        below: list[Any] = []
        for found in level:
            if isinstance(found, dict | list):
                yield id(found)
                if len(below) < left:
                    below.extend(found.values() if isinstance(found, dict) else found)
            elif isinstance(found, str) and len(found) > values.LARGE_VALUE_BYTES:
                yield id(found)
        left -= len(level)
        level = below

"""Where executions and their steps stand: the names under which a test file speaks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.execution import Execution
from sedo.testing.script import Attempt

if TYPE_CHECKING:
    from sedo.testing.stage import Stage


class Whereabouts:
    """Knows of each execution the `execute` steps above it, and of which items of maps it is."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.known: dict[str, tuple[str, tuple[str, ...]]] = {}

    def note(self, head: Execution) -> None:
        """Take note of an execution that is new."""
        if head.id in self.known:
            return
        above = parent_of(head.id) if head.parent is not None or head.depth else None
        parent = None if above is None else self.stage.world.current.get(above[0])
        if above is None or parent is None:
            self.known[head.id] = ("", ())
            return
        cursors = [cursor for cursor in parent.cursors if cursor.visit == above[1]]
        prefix, base = self.known[parent.id]
        if not cursors:  # the parent has left it: it is born ended
            self.known[head.id] = (prefix, base)
            return
        cursor = min(cursors, key=lambda found: len(found.path))
        items = base + self._items(parent, cursor.path)
        self.known[head.id] = (prefix, items) if is_part(head) else (f"{prefix}{cursor.step}/", items)

    def attempt(self, execution_id: str, path: str, step: str, visit: int, number: int) -> Attempt:
        """Return the name of one attempt of a step."""
        prefix, base = self.known[execution_id]
        items = base + self._items(self.stage.world.current[execution_id], path)
        return Attempt(execution_id, prefix + step, "/".join(items), visit, number)

    def _items(self, head: Execution, path: str) -> tuple[str, ...]:
        """Return the numbers of the items that a path leads into, from the outermost map inwards."""
        definition = self.stage.cache.get((head.tenant_id, head.definition_id, 1))
        parts = path.split("/") if path else []
        found = []
        for place in range(0, len(parts), 2):
            step = definition.steps.get(parts[place]) if definition is not None else None
            if step is not None and "item" in step.type.list_names:
                first = (head.parent or {})["start"] if place == 0 and is_part(head) else 0
                found.append(str(first + int(parts[place + 1])))
        return tuple(found)


def is_part(head: Execution) -> bool:
    """Say whether an execution does a part of a map of the one above it."""
    return head.parent is not None and "start" in head.parent


def parent_of(child_id: str) -> tuple[str, int, int]:
    """Return the execution above a child, and the visit and the attempt that has it."""
    parent, position, _ = child_id.rsplit(".", 2)
    visit, _, attempt = position.partition("-")
    return parent, int(visit), int(attempt or 1)

"""Versions side by side: what differs, and how many live executions still run on the older one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib import service
from chalicelib.engine.definition import Definition
from chalicelib.engine.diff import Difference, compare
from chalicelib.engine.execution import Execution, State
from chalicelib.ports import StoredDefinition
from chalicelib.runtime import Runtime

MAX_LOOKED_AT = 1_000
MAX_PAGES = 20
MAX_MS = 5_000
_PAGE = 100


@dataclass
class Running:
    """Live executions on a version, as far as they were looked at; `more` says that there are others."""

    executions: int = 0
    at_lost_steps: int = 0
    input_rejected: int = 0
    looked_at: int = 0
    more: bool = False

    def document(self) -> dict[str, Any]:
        """Return the counts as the API shows them."""
        return {
            "atLostSteps": self.at_lost_steps,
            "executions": self.executions,
            "inputRejected": self.input_rejected,
            "lookedAt": self.looked_at,
            "more": self.more,
        }


def difference(
    runtime: Runtime, tenant_id: str, definition_id: str, before: int | None, after: int | None
) -> dict[str, Any]:
    """Return what changed from version `before` (the one before `after`) to `after` (the latest). Raises NotFound."""
    new = _stored(runtime, tenant_id, definition_id, after)
    old = _stored(runtime, tenant_id, definition_id, new.version - 1 if before is None else before)
    found = compare(old.document, new.document)
    return {
        "definition": [change.document() for change in found.fields],
        "from": old.version,
        "id": definition_id,
        "redrive": [note.document() for note in found.notes],
        "running": running(runtime, old, runtime.parsed(new), found).document(),
        "steps": {
            "added": [place.document() for place in found.added],
            "changed": [change.document() for change in found.changed],
            "removed": [place.document() for place in found.removed],
        },
        "tenantId": tenant_id,
        "to": new.version,
    }


def running(runtime: Runtime, old: StoredDefinition, new: Definition, found: Difference) -> Running:
    """Count live executions on the old version, and among them those to which the new one would be a problem."""
    counts = Running()
    states = [State.SUBMITTED.value, State.STARTED.value]
    until_ms = runtime.now_ms() + MAX_MS
    cursor = None
    for _ in range(MAX_PAGES):
        page = runtime.store.list_executions(old.tenant_id, _PAGE, cursor, states, old.id)
        for execution in page.items:
            _count(counts, execution, old.version, new, found)
        cursor = page.cursor
        counts.more = cursor is not None
        if cursor is None or counts.looked_at >= MAX_LOOKED_AT or runtime.now_ms() >= until_ms:
            break
    return counts


def _count(counts: Running, execution: Execution, version: int, new: Definition, found: Difference) -> None:
    counts.looked_at += 1
    if execution.definition_version != version:
        return
    counts.executions += 1
    counts.at_lost_steps += any(cursor.step in found.lost_steps for cursor in execution.cursors)
    counts.input_rejected += new.input_problem(execution.input) is not None


def _stored(runtime: Runtime, tenant_id: str, definition_id: str, version: int | None) -> StoredDefinition:
    stored = runtime.store.get_definition(tenant_id, definition_id, version)
    if stored is not None:
        return stored
    if version == 0:
        raise service.NotFound(f"definition {definition_id} has no version before 1")
    what = f"definition {definition_id}" if version is None else f"version {version} of definition {definition_id}"
    raise service.NotFound(f"{what} is unknown")

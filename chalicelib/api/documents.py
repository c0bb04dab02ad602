"""Heads and definitions as the bodies of answers: the seed's fields where the seed has them."""

from __future__ import annotations

from typing import Any

from chalicelib.api import cost
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import timestamp
from chalicelib.family import known_children
from chalicelib.inbox import OpenTask
from chalicelib.ports import StoredDefinition


def definition_ref(tenant_id: str, definition_id: str) -> dict[str, Any]:
    """Return `{id, tenantId}`."""
    return {"id": definition_id, "tenantId": tenant_id}


def definition_version(stored: StoredDefinition) -> dict[str, Any]:
    """Return one version with the document as it was posted."""
    return {
        "createdAt": timestamp(stored.created_at_ms),
        "definition": stored.document,
        "id": stored.id,
        "tenantId": stored.tenant_id,
        "version": stored.version,
    }


def version_item(version: int, created_at_ms: int) -> dict[str, Any]:
    """Return `{version, createdAt}`."""
    return {"createdAt": timestamp(created_at_ms), "version": version}


def execution_ref(execution: Execution, state: State | None = None) -> dict[str, Any]:
    """Return `{id, state, tenantId}`, with another state than the head's where the seed says so."""
    return {"id": execution.id, "state": str(state or execution.state), "tenantId": execution.tenant_id}


def execution_item(execution: Execution) -> dict[str, Any]:
    """Return `{id, state, step, tenantId}`, an item of a list."""
    return execution_ref(execution) | {"step": execution.step}


def execution(head: Execution) -> dict[str, Any]:
    """Return everything about one execution; `output` or `error` when it has ended."""
    body = execution_item(head) | {
        "cost": cost.estimate(head),
        "definitionId": head.definition_id,
        "input": head.input,
        "startedAt": timestamp(head.started_at_ms),
        "stash": head.stash,
        "version": head.definition_version,
    }
    if head.name is not None:
        body["name"] = head.name
    if isinstance(head.parent, dict):  # of a damaged head it may be anything
        body["parent"] = {name: head.parent[name] for name in ("id", "step", "start") if name in head.parent}
    if head.life > 1:
        body["life"] = head.life
    if found := known_children(head):
        body["children"] = found
    if head.ended_at_ms is not None:
        body["endedAt"] = timestamp(head.ended_at_ms)
    if head.state is State.SUCCEEDED:
        body["output"] = head.output
    elif head.ended:
        body["error"] = head.error
    return body


def task_item(task: OpenTask) -> dict[str, Any]:
    """Return `{token, executionId, step, title, openedAt, dueAt?, claimedBy?}`, an item of a list."""
    held, cursor = task.cursor.held or {}, task.cursor
    item = {
        "executionId": task.execution.id,
        "openedAt": timestamp(held.get("openedAt", cursor.due_at_ms)),  # one still being handed out is open from then
        "step": cursor.step,
        "title": held.get("title", cursor.step),
        "token": task.token,
    }
    ends = [moment for moment in (cursor.timeout_at_ms, task.execution.deadline_at_ms) if moment is not None]
    if ends:
        item["dueAt"] = timestamp(min(ends))
    if "claimedBy" in held:
        item["claimedBy"] = held["claimedBy"]
    return item


def task(found: OpenTask) -> dict[str, Any]:
    """Return everything about one task: what its list shows, and what whoever answers it needs."""
    held, spec = found.cursor.held or {}, {} if found.step is None else found.step.spec
    body = task_item(found) | {"input": found.cursor.input, "roles": held.get("roles", [])}
    if "description" in held:
        body["description"] = held["description"]
    return body | {name: spec[name] for name in ("inputSchema", "uiSchema") if name in spec}

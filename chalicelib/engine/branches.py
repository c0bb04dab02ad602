"""Heads that are not started by callers: parts of a map, and the ends of children that were never born."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from chalicelib.engine.births import StartRequest, begun, submitted, unborn
from chalicelib.engine.decision import Decision
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Draft, Policy
from chalicelib.engine.errors import CANCELLED, Failure
from chalicelib.engine.evaluation import on_one_budget
from chalicelib.engine.events import CancelRequested
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType
from chalicelib.engine.records import replace


@dataclass(frozen=True, slots=True)
class PartRequest:
    """A part of the map of `above`: `parent` and `request` as the map's slot made them."""

    above: Execution
    parent: dict[str, Any]
    request: dict[str, Any]
    salt: str
    by: str
    after: Execution | None = None


def spread_below(above: Execution) -> int:
    """Return how many executions there may be side by side like a child that a head starts now."""
    widths = [int((cursor.held or {}).get("n", 1)) for cursor in above.cursors if cursor.waits == "branches"]
    return above.spread * prod(max(1, width) for width in widths)


@on_one_budget
def start_part(part: PartRequest, definition: Definition, now_ms: int, policy: Policy) -> Decision:
    """Begin a child that does a part of a map: the step itself, on its items."""
    above, request = part.above, part.request
    begin = StartRequest(
        tenant_id=above.tenant_id,
        definition=definition,
        input=None,
        actor=f"execution {above.id}",
        by=part.by,
        salt=part.salt,
        parent=part.parent,
        depth=above.depth,
        spread=spread_below(above),
        life=above.life,
        after=part.after,
    )
    head = replace(
        unborn(begin, request["id"], now_ms), stash=request["stash"], shown=request["shown"], deadline_at_ms=None
    )
    draft = Draft(head, now_ms, part.by, policy.api_watch_ms, policy)
    details = {"actor": begin.actor, "version": definition.version, "map": part.parent["step"]}
    submitted(draft, begin, details | {"first": part.parent["start"]})
    return begun(draft, definition, part.parent["step"], request["input"])


def tombstone(above: Execution, child: str, event: CancelRequested, now_ms: int, policy: Policy) -> Decision:
    """Return the end of a child that was to be and has no head: with it in its place, none will come later."""
    parent = {"id": above.id, "token": ""}
    head = replace(
        above,
        id=child,
        parent=parent,
        version=0,
        name=None,
        input=None,
        stash={},
        cursors=(),
        kept=(),
        signals=(),
        signal_ids=(),
        ending=None,
        step=None,
        deadline_at_ms=None,
        started_at_ms=now_ms,
        visits=0,
        transitions=0,
        seq=0,
        flushed_seq=0,
        events=(),
        chunks=0,
        sends=0,
        shown=None,
    )
    draft = Draft(head, now_ms, event.by, policy.watch_ms, policy)
    draft.record(EventType.CANCEL_REQUESTED, {"cause": event.cause, "actor": event.actor})
    draft.cancel(Failure(CANCELLED, event.cause or ""))
    return Decision(draft.freeze(sends=0), changed=True)


def outlived(end: Execution, life: int) -> Decision:
    """Return the end of a child as one of a later life of its parent, so that nothing lets it go on in that life."""
    return Decision(replace(end, version=end.version + 1, life=life), changed=True)


def in_life(decision: Decision, before: Execution, life: int) -> Decision:
    """Return a decision about a child that has not ended as one of a later life of its parent, also if it is none."""
    head = replace(decision.execution, version=before.version + 1, life=life)
    return Decision(head, changed=True, tasks=decision.tasks, sends=decision.sends)


def is_tombstone(execution: Execution) -> bool:
    """Say whether a head is the end of a child that was never born."""
    return execution.ended and execution.visits == 0 and not execution.kept

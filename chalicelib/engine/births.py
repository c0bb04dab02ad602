"""Beginning an execution: its first head, after all pure steps at its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.engine.decision import Decision, deadline_look
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Draft, Policy
from chalicelib.engine.evaluation import on_one_budget
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import EventType
from chalicelib.engine.records import replace
from chalicelib.engine.walk import Walk

DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a caller wants to have started; `actor` is who asked, `by` names the call.

    A child has a `parent`, a `depth` and a `spread`, see Execution, and is born into the `life` that its parent lives;
    `salt` is something that nobody can guess. `after` is the end that was written in a child's place before its birth.
    """

    tenant_id: str
    definition: Definition
    input: Any
    actor: str
    by: str
    name: str | None = None
    salt: str | None = None
    parent: dict[str, Any] | None = None
    depth: int = 0
    spread: int = 1
    life: int = 1
    after: Execution | None = None


@on_one_budget
def start(request: StartRequest, execution_id: str, now_ms: int, policy: Policy = DEFAULT_POLICY) -> Decision:
    """Begin an execution: its head as of version 1, after all pure steps at its beginning."""
    definition = request.definition
    draft = Draft(unborn(request, execution_id, now_ms), now_ms, request.by, policy.api_watch_ms, policy)
    details = {"input": request.input, "version": definition.version, "actor": request.actor}
    if request.name is not None:
        details["name"] = request.name
    submitted(draft, request, details)
    return begun(draft, definition, definition.start, request.input)


def submitted(draft: Draft, request: StartRequest, details: dict[str, Any]) -> None:
    """Record who wants it, and in which life, if an end was written before."""
    if request.after is not None:
        lives = {"actor": request.actor, "version": request.definition.version, "life": draft.life}
        draft.record(EventType.EXECUTION_REDRIVEN, lives)
    draft.record(EventType.EXECUTION_SUBMITTED, details)


def begun(draft: Draft, definition: Definition, first: str, received: Any) -> Decision:
    """Take a newborn execution from its first step as far as it goes."""
    Walk(draft, definition).begin("", first, received)
    sends = draft.sends(None)
    if not draft.ended:
        sends += deadline_look(draft.base, draft.policy)
    return Decision(draft.freeze(sends=len(sends)), changed=True, sends=sends)


def unborn(request: StartRequest, execution_id: str, now_ms: int) -> Execution:
    """Return the head of version 0: nothing has happened yet."""
    definition = request.definition
    timeout = definition.timeout_seconds
    head = Execution(
        id=execution_id,
        tenant_id=request.tenant_id,
        definition_id=definition.id,
        definition_version=definition.version,
        name=request.name,
        state=State.SUBMITTED,
        version=0,
        step=None,
        input=request.input,
        output=None,
        error=None,
        stash={},
        cursors=(),
        started_at_ms=now_ms,
        ended_at_ms=None,
        deadline_at_ms=None if timeout is None else now_ms + round(timeout * 1000),
        due_at_ms=None,
        visits=0,
        transitions=0,
        seq=0,
        flushed_seq=0,
        events=(),
        retention_days=definition.retention_days,
        salt=request.by if request.salt is None else request.salt,
        parent=request.parent,
        depth=request.depth,
        spread=request.spread,
        life=request.life,
    )
    return head if request.after is None else _born_after(request.after, head)


def _born_after(end: Execution, head: Execution) -> Execution:
    """Return a head that follows an end without a beginning: its history, which goes on, began with that."""
    return replace(
        head,
        started_at_ms=end.started_at_ms,
        redriven_at_ms=head.started_at_ms,
        version=end.version,
        seq=end.seq,
        flushed_seq=end.flushed_seq,
        events=end.events,
        chunks=end.chunks,
        sends=end.sends,
    )

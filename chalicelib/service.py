"""Use cases of the API, each one call: they know the protocol (write, then send) and nothing of HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from chalicelib.commits import commit
from chalicelib.engine import values
from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.decision import Decision
from chalicelib.engine.definition import Definition, parse
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.events import CancelRequested
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import plan
from chalicelib.outbox import outgoing, send_guarded
from chalicelib.ports import Conflict
from chalicelib.runtime import Runtime
from chalicelib.writes import START, Sender, follow, lost_with, write


class NotFound(SedoError):
    """No such definition, version or execution for this tenant (404)."""


class NameTaken(SedoError):
    """The execution name was used with another input or version (409)."""


class AlreadyEnded(SedoError):
    """What was asked for needs a live execution, and it has ended (409)."""


@dataclass
class InputRejected(SedoError):
    """The input does not pass the definition's inputSchema (400); `detail` is jsonschema's full text."""

    detail: str

    def __str__(self) -> str:
        return self.detail


class Unreadable(SedoError):
    """A stored head that this code cannot read, so that it can be neither shown nor changed (503)."""


def post_definition(runtime: Runtime, tenant_id: str, document: Any) -> str:
    """Check a definition, store it as its next version, return its id. Raises DefinitionInvalid with all problems."""
    definition = parse(document)
    now_ms = runtime.now_ms()
    before = runtime.store.load_timetable(tenant_id, definition.id) if definition.schedules else None
    rows = plan(definition.schedules, () if before is None else before.rows, now_ms)
    runtime.store.put_definition(tenant_id, definition.id, document, now_ms, rows)
    return definition.id


def start_execution(
    runtime: Runtime,
    tenant_id: str,
    definition_id: str,
    input: Any,
    *,
    actor: str,
    name: str | None = None,
    version: int | None = None,
    send_them: Sender = send_guarded,
) -> Execution:
    """Start an execution and return its head as committed; the same `name` with the same input returns the first one.

    Raises NotFound, InputRejected, NameTaken; Unavailable when AWS cannot be reached, and what `send_them` raises: who
    calls again, by a name, has the messages of the start sent again.
    """
    definition = load_definition(runtime, tenant_id, definition_id, version)
    problem = definition.input_problem(input)
    if problem is not None:
        raise InputRejected(problem)
    request = StartRequest(
        tenant_id=tenant_id,
        definition=definition,
        input=input,
        actor=actor,
        by=START,
        salt=runtime.nonces(),
        name=name,
    )
    for length in (8, 8, 8, 16, 32):
        execution_id = f"{tenant_id}:{definition_id}:{_suffix(runtime, tenant_id, definition_id, name, length)}"
        decision = start(request, execution_id, runtime.now_ms(), runtime.policy)
        outcome = commit(runtime, None, decision.execution)
        if not isinstance(outcome, Conflict):
            return follow(runtime, outcome, decision.sends, send_them)
        if name is not None:
            return _same_start(runtime, outcome, decision, version, send_them)
    raise SedoError(f"no free execution id found for {definition_id}")


def cancel_execution(
    runtime: Runtime, tenant_id: str, execution_id: str, cause: str | None, *, actor: str
) -> Execution:
    """End a live execution as cancelled; a cancelled one is returned as it is. Raises NotFound, AlreadyEnded."""
    # Not whole: it ends the same whatever was in it, and also one whose payloads are damaged can be cancelled.
    execution = load_execution(runtime, tenant_id, execution_id, whole=False)
    # No definition is needed, so that also an execution whose definition is gone can be cancelled.
    written = write(runtime, execution, None, lambda _: CancelRequested(cause, actor, runtime.nonces()))
    found = written.head
    if found is None:
        raise NotFound(f"execution {execution_id} is unknown")
    state = found.ending["state"] if found.ending is not None else found.state.value
    if not written.changed and state != State.CANCELLED:
        raise AlreadyEnded(f"execution {execution_id} has ended: {state}")
    return found


def load_execution(runtime: Runtime, tenant_id: str, execution_id: str, *, whole: bool = True) -> Execution:
    """Return one head, consistently. Raises NotFound (also for another tenant's) and Unreadable."""
    found = runtime.store.load([execution_id], whole=whole).get(execution_id)
    if isinstance(found, UnsupportedHead):
        raise Unreadable(str(found))
    if not isinstance(found, Execution) or found.tenant_id != tenant_id:
        raise NotFound(f"execution {execution_id} is unknown")
    return found


def show_execution(runtime: Runtime, tenant_id: str, execution_id: str) -> Execution:
    """Return one head as `load_execution` does, with references for its large values."""
    return load_execution(runtime, tenant_id, execution_id, whole=False)


def history(runtime: Runtime, tenant_id: str, execution_id: str, after_seq: int, limit: int) -> list[HistoryEvent]:
    """Return up to `limit` events after `after_seq`, complete and read-after-write: the head first, then the chunks.

    Large values stand as references.
    """
    return events_of(runtime, show_execution(runtime, tenant_id, execution_id), after_seq, limit)


def events_of(runtime: Runtime, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
    """Return up to `limit` events after `after_seq` of a head just loaded: those before its own are in chunks."""
    flushed: list[HistoryEvent] = []
    if after_seq < execution.flushed_seq:
        flushed = runtime.store.load_chunks(execution, after_seq, limit)
    last = flushed[-1].seq if flushed else after_seq
    if len(flushed) < limit:
        flushed = flushed + [event for event in execution.events if event.seq > last]
    return flushed[:limit]


def with_data(runtime: Runtime, execution_id: str, value: Any, max_bytes: int) -> Any:
    """Return what is to be shown of an execution with as many of its large values as fit. Raises Unreadable."""
    try:
        return runtime.store.resolve(execution_id, value, max_bytes)
    except UnsupportedHead as error:
        raise Unreadable(f"execution {execution_id}: {error}") from error


def load_definition(runtime: Runtime, tenant_id: str, definition_id: str, version: int | None) -> Definition:
    """Return a parsed version, or the latest. Raises NotFound."""
    stored = runtime.store.get_definition(tenant_id, definition_id, version)
    if stored is None:
        what = f"definition {definition_id}" if version is None else f"version {version} of definition {definition_id}"
        raise NotFound(f"{what} is unknown")
    return runtime.parsed(stored)


def _suffix(runtime: Runtime, tenant_id: str, definition_id: str, name: str | None, length: int) -> str:
    """Return the last part of an execution id: of a name always the same, and longer than any random one."""
    source = runtime.nonces() if name is None else f"name\n{tenant_id}\n{definition_id}\n{name}"
    digest = hashlib.sha256(source.encode()).hexdigest()
    return digest[:40] if name is not None else digest[:length]


def _same_start(
    runtime: Runtime, found: Conflict, decision: Decision, version: int | None, send_them: Sender
) -> Execution:
    """Answer a repeated start by name; its messages are sent again where the head has not moved since."""
    first = found.current
    if first is None:
        raise SedoError("a start met a head that is gone; try again")
    wanted = decision.execution
    same_version = version is None or first.definition_version == version
    if not same_version or not values.equal(first.input, wanted.input):
        raise NameTaken(f"name {wanted.name!r} was used with another input or version by execution {first.id}")
    whole = first.version == 1 and not first.ended
    sends = Decision.resend_all(first, runtime.policy).sends if whole else lost_with(first, START)
    send_them(runtime, first, outgoing(runtime, first, sends))
    return first

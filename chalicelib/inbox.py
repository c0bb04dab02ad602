"""Use cases of tasks: what waits for people, and what people and machines say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.definition import Definition, Step
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.errors import SedoError
from chalicelib.engine.events import Answered, Beat, Claimed, Event
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.history import EventType, HistoryEvent
from chalicelib.engine.places import is_token_of, read_task_token
from chalicelib.engine.tasks import answer_name, digest_of, is_open, tokens_of
from chalicelib.outbox import outgoing, send_guarded
from chalicelib.ports import Page
from chalicelib.runtime import Runtime
from chalicelib.service import InputRejected, NotFound, events_of, load_execution
from chalicelib.writes import Written, lost_with, write

HISTORY_PAGE = 500


class TaskConflict(SedoError):
    """The task was answered otherwise, somebody else has claimed it, or nobody can (409)."""


class TaskGone(SedoError):
    """The task is not open any more: it was answered or timed out, or its execution left it (410)."""


@dataclass(frozen=True, slots=True)
class OpenTask:
    """An open task: its token, where it stands, and the step as its author wrote it."""

    token: str
    execution: Execution
    cursor: Cursor
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A task that a token names."""

    execution: Execution
    definition: Definition | None
    visit: int
    attempt: int


def open_tasks(runtime: Runtime, tenant_id: str, limit: int, cursor: str | None, role: str | None) -> Page[OpenTask]:
    """Return the open tasks of people, oldest first; of one role, or all. Raises BadCursor.

    All tasks of one execution are on one page, which is larger than `limit` where one execution alone has so many.
    """

    def wanted(head: Execution) -> list[OpenTask]:
        tasks = [OpenTask(token, head, at) for token, at in tokens_of(head)]
        return [task for task in tasks if role is None or role in (task.cursor.held or {}).get("roles", ())]

    page = runtime.store.list_inbox(tenant_id, limit, cursor)
    while (fitting := _fitting([len(wanted(head)) for head in page.items], limit)) < len(page.items):
        page = runtime.store.list_inbox(tenant_id, fitting, cursor)
    return Page([task for head in page.items for task in wanted(head)], page.cursor)


def _fitting(counts: Sequence[int], limit: int) -> int:
    """Return how many of the first counts come to no more than a limit; one in any case."""
    totals = accumulate(counts)
    return max(1, sum(1 for total in totals if total <= limit))


def get_task(runtime: Runtime, tenant_id: str, token: str) -> OpenTask:
    """Return one open task with its step. Raises NotFound, TaskGone."""
    known = _known(runtime, tenant_id, token)
    found = _cursor(known)
    if found is None:
        raise _gone(runtime, known)
    return OpenTask(token, known.execution, found, _step(known, found))


def answer(runtime: Runtime, tenant_id: str, token: str, result: TaskResult, *, actor: str) -> None:
    """Complete a task with a value, or fail it. Raises NotFound, InputRejected, TaskConflict, TaskGone.

    The same answer again is fine: whatever followed the first one is sent again.
    """
    known = _known(runtime, tenant_id, token)
    name = answer_name(known.visit, known.attempt)

    def make(head: Execution) -> Event:
        at = _cursor(_at(known, head))
        if at is not None:
            _check(known, at, result, actor)
        return Answered(known.visit, known.attempt, result, actor, name)

    written = write(runtime, known.execution, known.definition, make)
    if written.has(EventType.TASK_ANSWERED):
        return
    head = _head(written)
    send_guarded(runtime, head, outgoing(runtime, head, lost_with(head, name)))
    _compare(runtime, _at(known, head), result)


def heartbeat(runtime: Runtime, tenant_id: str, token: str) -> None:
    """Say that work on a task goes on. Raises NotFound, TaskGone."""
    known = _known(runtime, tenant_id, token)
    event = Beat(known.visit, known.attempt, runtime.nonces())
    head = _head(write(runtime, known.execution, known.definition, lambda _: event))
    if _cursor(_at(known, head)) is None:
        raise _gone(runtime, _at(known, head))


def claim(runtime: Runtime, tenant_id: str, token: str, *, actor: str, claimed: bool) -> None:
    """Take a task, or give it back. Doing so twice is fine. Raises NotFound, TaskConflict, TaskGone."""
    known = _known(runtime, tenant_id, token)
    event = Claimed(known.visit, known.attempt, actor, claimed, runtime.nonces())
    written = write(runtime, known.execution, known.definition, lambda _: event)
    if written.has(EventType.TASK_CLAIMED, EventType.TASK_RELEASED):
        return
    now = _at(known, _head(written))
    at = _cursor(now)
    if at is None:
        raise _gone(runtime, now)
    if not (at.held or {}).get("human"):
        raise TaskConflict("the task is not one for people: nobody can claim it")
    _check_owner(at, actor)


def _head(written: Written) -> Execution:
    if written.head is None:
        raise NotFound("the task is unknown")
    return written.head


def _known(runtime: Runtime, tenant_id: str, token: str) -> _Known:
    """Read a token. Raises NotFound for what was never a task of this tenant."""
    parts = read_task_token(token)
    if parts is None:
        raise NotFound("the task is unknown")
    execution_id, visit, attempt, mac = parts
    try:
        execution = load_execution(runtime, tenant_id, execution_id)
    except NotFound:
        raise NotFound("the task is unknown") from None
    if not is_token_of(execution, visit, attempt, mac):
        raise NotFound("the task is unknown")
    return _Known(execution, runtime.definition(execution), visit, attempt)


def _at(known: _Known, head: Execution) -> _Known:
    return _Known(head, known.definition, known.visit, known.attempt)


def _step(known: _Known, cursor: Cursor) -> Step | None:
    return None if known.definition is None else known.definition.steps.get(cursor.step)


def _cursor(known: _Known) -> Cursor | None:
    """Return the cursor that takes the task's answer."""
    for cursor in known.execution.cursors:
        if (cursor.visit, cursor.attempt) == (known.visit, known.attempt):
            step = _step(known, cursor)
            hands_out = step is not None and step.type.tokens
            return cursor if is_open(known.execution, cursor, hands_out=hands_out) else None
    return None


def _check(known: _Known, cursor: Cursor, result: TaskResult, actor: str) -> None:
    """Raise for an answer that this task does not take from this person."""
    _check_owner(cursor, actor)
    step = _step(known, cursor)
    if result.error is None and step is not None and step.answer_schema is not None:
        problem = step.answer_schema.problem(result.value)
        if problem is not None:
            raise InputRejected(problem)


def _check_owner(cursor: Cursor, actor: str) -> None:
    owner = (cursor.held or {}).get("claimedBy")
    if owner not in (None, actor):
        raise TaskConflict(f"the task is claimed by {owner}")


def _compare(runtime: Runtime, known: _Known, result: TaskResult) -> None:
    """Say what became of a task that takes no answer any more. Raises TaskConflict, TaskGone."""
    digest = _answered(runtime, known)
    if digest is None:
        raise _gone(runtime, known)
    if digest != digest_of(result):
        raise TaskConflict("the task was answered otherwise")


def _answered(runtime: Runtime, known: _Known) -> str | None:
    """Return the digest of the answer that a task had, from the history: the latest events are in the head."""
    execution, seq = known.execution, 0
    digest = _digest_in(execution.events, known)
    while digest is None and seq < execution.flushed_seq:
        page = events_of(runtime, execution, seq, HISTORY_PAGE)
        if not page:
            return None
        digest = _digest_in(page, known)
        seq = page[-1].seq
    return digest


def _digest_in(events: Sequence[HistoryEvent], known: _Known) -> str | None:
    place = (known.visit, known.attempt)
    found = (e for e in events if e.type == EventType.TASK_ANSWERED and (e.visit, e.attempt) == place)
    return next((str(event.details["digest"]) for event in found), None)


def _gone(runtime: Runtime, known: _Known) -> TaskGone:
    if _answered(runtime, known) is not None:
        return TaskGone("the task is not open any more: it was answered")
    state = known.execution.state.value
    return TaskGone(f"the task is not open any more, and was not answered; its execution is {state}")


def as_result(value: Any = None, error: str | None = None, cause: str = "") -> TaskResult:
    """Return an answer as decisions take it. Raises InputRejected for what no head may hold."""
    try:
        values.measure(value, "the answer")
    except values.Unfit as unfit:
        raise InputRejected(str(unfit)) from unfit
    return TaskResult(value, error, cause)

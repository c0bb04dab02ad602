"""Heads and histories as the engine makes them, for any number of steps."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.engine.execution import Cursor, Execution, State
from chalicelib.engine.history import EventType, HistoryEvent
from chalicelib.ports import Message, Outgoing

START_MS = 1_795_000_000_000

TRICKY_VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "one": 1,
    "one as float": 1.0,
    "minus zero": -0.0,
    "small": 5e-324,
    "large": 1.7976931348623157e308,
    "tenth": 0.1,
    "huge integer": 123456789012345678901234567890123456789012345678901234567890,
    "empty": ["", {}, [], None],
    "unicode": "żółć 漢字 🦉 \u2028 \x00 \x7f \n",
    "half a pair": "\ud83d",
    "keys": {"": 1, "~": 2, "a b": {"~": 0}, "$": "${ x }"},
    "like a reference": {"~": 3},
    "like an escaped one": {"~": '{"~":3}'},
    "list like one": {"~": [1]},
    "nested": [[[[[[{"deep": [1, [2, [3]]]}]]]]]],
}


def fresh_tenant() -> str:
    """Return a tenant that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


def head(
    tenant: str = "123", definition: str = "example-definition", suffix: str | None = None, **changes: Any
) -> Execution:
    """Return the first version of a head that waits for its first message."""
    execution = Execution(
        id=f"{tenant}:{definition}:{suffix or uuid.uuid4().hex[:8]}",
        tenant_id=tenant,
        definition_id=definition,
        definition_version=1,
        name=None,
        state=State.SUBMITTED,
        version=1,
        step=None,
        input={"foo": "bar"},
        output=None,
        error=None,
        stash={},
        cursors=(),
        started_at_ms=START_MS,
        ended_at_ms=None,
        deadline_at_ms=None,
        due_at_ms=START_MS + 60_000,
        visits=0,
        transitions=0,
        seq=1,
        flushed_seq=0,
        events=(HistoryEvent(1, START_MS, "ExecutionSubmitted", details={"input": {"foo": "bar"}}),),
    )
    return replace(execution, **changes)


def cursor(**changes: Any) -> Cursor:
    """Return a cursor that waits for its message."""
    plain = Cursor(
        path="",
        step="wait-some-time",
        visit=2,
        attempt=1,
        token="2.1",
        by="0123456789abcdef",
        input={"foo": "bar"},
        due_at_ms=START_MS + 45_000,
        watch_at_ms=START_MS + 945_000,
    )
    return replace(plain, **changes)


def after(execution: Execution, **changes: Any) -> Execution:
    """Return what the next commit would write."""
    return replace(execution, version=execution.version + 1, **changes)


def ended(execution: Execution, state: State = State.SUCCEEDED) -> Execution:
    """Return the commit that ends a head."""
    return after(
        execution,
        state=state,
        step="last-echo",
        output={"foo": "bar"},
        ended_at_ms=execution.started_at_ms + 5,
        due_at_ms=None,
        cursors=(),
    )


def events(first_seq: int, last_seq: int, at_ms: int = START_MS) -> tuple[HistoryEvent, ...]:
    """Return events with these numbers, two for each step visit."""
    kinds = (EventType.STEP_STARTED, EventType.STEP_SUCCEEDED)
    return tuple(
        HistoryEvent(
            seq, at_ms + seq, kinds[seq % 2].value, f"step-{seq // 2}", seq // 2, 1, {"input": {"n": seq // 2}}
        )
        for seq in range(first_seq, last_seq + 1)
    )


def run_of_pure_steps(steps: int, value: Callable[[int], Any] = lambda i: {"foo": "bar"}) -> Execution:
    """Return the one head that a run of pure steps commits: submitted, two events a step, succeeded."""
    happened = [
        HistoryEvent(
            1,
            START_MS,
            "ExecutionSubmitted",
            details={"input": value(0), "definition": "example-definition", "actor": "api"},
        )
    ]
    for i in range(steps):
        at, step = START_MS + i // 20, f"{('check', 'reserve', 'notify', 'reshape')[i % 4]}-{i}"
        happened.append(HistoryEvent(2 * i + 2, at, "StepStarted", step, i + 1, 1, {"input": value(i)}))
        happened.append(HistoryEvent(2 * i + 3, at, "StepSucceeded", step, i + 1, 1, {"output": value(i + 1)}))
    seq = 2 * steps + 2
    happened.append(HistoryEvent(seq, START_MS + 5, "ExecutionSucceeded", details={"output": value(steps)}))
    return head(
        suffix="f5c125a5",
        state=State.SUCCEEDED,
        step=happened[-2].step,
        input=value(0),
        output=value(steps),
        ended_at_ms=START_MS + 5,
        due_at_ms=None,
        visits=steps,
        transitions=steps,
        seq=seq,
        events=tuple(happened),
    )


def outgoing(execution_id: str, tenant: str = "123", delay_seconds: int = 0, **changes: Any) -> Outgoing:
    """Return a message of a token nobody else has."""
    message = Message(execution_id, token=uuid.uuid4().hex[:6], n=uuid.uuid4().hex[:16])
    return Outgoing(replace(message, **changes), tenant, delay_seconds)

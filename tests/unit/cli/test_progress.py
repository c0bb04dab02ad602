"""How each step stands, told from history events alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sedo.cli.outline import walk
from sedo.cli.progress import Progress

BEGAN = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
STEPS: list[dict[str, Any]] = [
    {"id": "a", "type": "pass"},
    {"id": "m", "type": "map", "steps": [{"id": "each", "type": "http"}]},
    {"id": "z", "type": "human"},
]


def event(
    second: float, kind: str, step: str | None = None, visit: int = 1, attempt: int = 1, **more: Any
) -> dict[str, Any]:
    at = datetime.fromtimestamp(BEGAN + second, tz=UTC).isoformat(timespec="milliseconds")
    where = {} if step is None else {"step": step, "visit": visit, "attempt": attempt}
    return {"at": at.replace("+00:00", "Z"), "type": kind} | where | more


def rows(now: float, *events: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    progress = Progress()
    progress.add(events)
    found = progress.rows(walk(STEPS), BEGAN + now)
    return {row["step"]: (row["depth"], row["state"], row["visits"], row["attempts"], row["seconds"]) for row in found}


def test_nothing_yet() -> None:
    assert rows(5, event(0, "ExecutionSubmitted")) == {
        "a": (0, None, 0, 0, 0.0),
        "m": (0, None, 0, 0, 0.0),
        "each": (1, None, 0, 0, 0.0),
        "z": (0, None, 0, 0, 0.0),
    }


def test_attempts_visits_and_time_add_up() -> None:
    first = [event(0, "StepStarted", "a"), event(1, "StepRetried", "a"), event(2, "StepSucceeded", "a", attempt=2)]
    assert rows(2, *first[:2])["a"] == (0, "retrying", 1, 1, 2.0)
    assert rows(9, *first)["a"] == (0, "succeeded", 1, 2, 2.0)
    again = [event(5, "StepStarted", "a", 2), event(6, "StepFailed", "a", 2)]
    assert rows(9, *first, *again)["a"] == (0, "failed", 2, 3, 3.0)


def test_many_visits_at_once() -> None:
    events = [event(i, "StepStarted", "each", i) for i in range(1, 4)]
    events += [event(5, "StepSucceeded", "each", 3)]
    assert rows(6, *events)["each"] == (1, "running", 3, 3, 5 + 4 + 2)


def test_waiting_and_ends() -> None:
    events = [event(0, "StepStarted", "z"), event(1, "TaskOpened", "z")]
    assert rows(3, *events)["z"][1] == "waiting"
    assert rows(9, *events, event(4, "StepTimedOut", "z"))["z"] == (0, "timed out", 1, 1, 4.0)
    assert rows(9, *events, event(4, "CancelRequested"))["z"][1] == "waiting"
    assert rows(9, *events, event(5, "ExecutionCancelled"))["z"] == (0, "stopped", 1, 1, 5.0)


def test_a_redriven_execution_runs_on() -> None:
    events = [event(0, "StepStarted", "a"), event(1, "StepFailed", "a"), event(1, "ExecutionFailed")]
    events += [event(5, "ExecutionRedriven"), event(5, "StepStarted", "a", 2)]
    assert rows(7, *events)["a"] == (0, "running", 2, 2, 3.0)


def test_events_that_are_not_known_change_nothing() -> None:
    assert rows(3, event(0, "StepStarted", "a"), event(1, "SomethingNew", "a"))["a"][1] == "running"


def test_a_clock_that_is_behind_takes_no_time() -> None:
    assert rows(-3, event(0, "StepStarted", "a"))["a"] == (0, "running", 1, 1, 0.0)

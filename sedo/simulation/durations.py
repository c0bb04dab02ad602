"""How long things took: waits, timeouts, heartbeats and the pauses before retries, as the events of one history tell.

Nothing is early in any run, but for what the clocks of processes are apart. In calm runs nothing is late either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.history import EventType, HistoryEvent

from sedo.simulation.checks import OUTCOMES, RETRIED, STARTED, Violation
from sedo.simulation.places import STOPPED
from sedo.simulation.reference import GIVEN_UP, covers

EARLY_MS = 2000
LATE_MS = 4000
CALLS = ("http", "lambda", "queue")
BEGUN_BY = {
    "human": EventType.TASK_OPENED,
    "callback": EventType.TASK_OPENED,
    "execute": EventType.CHILD_STARTED,
}
"""The events with which patience begins, where it does not begin with the attempt."""


@dataclass(slots=True)
class Attempt:
    """When an attempt may begin, at the earliest and at the latest, and when it began to wait for somebody.

    `branch` says that others go on beside it, `fresh` that nothing is known of it yet, `child_ended` that it has what a
    child came to.
    """

    earliest_ms: int
    latest_ms: int
    waits_since_ms: int | None = None
    branch: bool = False
    paused: bool = False
    fresh: bool = False
    child_ended: bool = False

    @property
    def begins_ms(self) -> int:
        """When it can have begun: what comes a little early after a pause goes on at once."""
        return self.earliest_ms - (EARLY_MS if self.paused else 0)


@dataclass
class Durations:
    """Reads one history. `calls` says when outside calls began, by visit and attempt.

    `apart_ms` is how far clocks are apart, `is_part` says that it is a part of a map.
    """

    name: str
    steps: Mapping[str, dict[str, Any]]
    calls: Mapping[tuple[int, int], int]
    calm: bool
    apart_ms: int
    is_part: bool
    attempts: dict[int, Attempt] = field(default_factory=dict)

    def check(self, log: list[HistoryEvent]) -> None:
        """Go through the events in order. Raises Violation."""
        for event in log:
            step, visit = self.steps.get(str(event.step)), event.visit
            if step is None or visit is None:
                continue
            if event.type == STARTED:
                if not self.is_part or event.details.get("path"):  # a part has its map's patience above it
                    branch = bool(event.details.get("path"))
                    self.attempts[visit] = Attempt(event.at_ms, event.at_ms, branch=branch)
            elif visit in self.attempts:
                self._follow(step, event, self.attempts[visit])

    def _follow(self, step: dict[str, Any], event: HistoryEvent, attempt: Attempt) -> None:
        ends = event.type == RETRIED or event.type in OUTCOMES
        error = event.details.get("error") if ends else None
        if error is not None and error["name"] in (STOPPED, GIVEN_UP):
            return
        if attempt.fresh and step["type"] != "callback":  # whose answer may come before it is written that it waits
            self._not_early(event, attempt.earliest_ms, "was tried again")
            attempt.fresh = False
        attempt.child_ended |= event.type == EventType.CHILD_ENDED
        if event.type == BEGUN_BY.get(step["type"]):
            attempt.waits_since_ms = event.at_ms
            if step["type"] != "callback":  # its call may take long
                self._not_late(event, attempt.latest_ms, "was tried again")
        if ends:
            self._ends(step, event, error or {"name": None, "step": None}, attempt)
        if event.type == RETRIED and error is not None:
            self._pause(step, event, error["name"])

    def _ends(self, step: dict[str, Any], event: HistoryEvent, error: dict[str, Any], attempt: Attempt) -> None:
        """Check the end of an attempt: its wait, its timeout, its heartbeat."""
        if step["type"] == "wait" and error["name"] is None:
            self._not_early(event, attempt.begins_ms + _ms(step["seconds"]), "was over")
            self._not_late(event, attempt.latest_ms + _ms(step["seconds"]), "was over")
        if step["type"] in CALLS or (step["type"] == "callback" and attempt.waits_since_ms is None):
            return  # such a call comes to what the other side says, in its time
        since_ms = attempt.begins_ms if attempt.waits_since_ms is None else attempt.waits_since_ms
        own = error["step"] == step["id"] and not attempt.child_ended
        if own and error["name"] == "Task.HeartbeatTimeout":
            self._not_early(event, since_ms + _ms(step["heartbeatSeconds"]), "had no heartbeat")
        if "timeoutSeconds" not in step:
            return
        patience_ms = _ms(step["timeoutSeconds"])
        if own and error["name"] == "Task.Timeout":
            self._not_early(event, since_ms + patience_ms, "timed out")
        if step["type"] not in BEGUN_BY:
            self._not_late(event, attempt.latest_ms + patience_ms, "came to its end")
        elif attempt.waits_since_ms is not None:
            self._not_late(event, attempt.waits_since_ms + patience_ms, "came to its end")

    def _pause(self, step: dict[str, Any], event: HistoryEvent, error: str) -> None:
        """Note when the next attempt may begin; whether its call did so in time is known already."""
        visit, attempt = event.visit or 0, event.attempt or 0
        policy = next(entry for entry in step["retry"] if covers(entry["errors"], error))
        most_ms = _ms(min(policy.get("intervalSeconds", 1) * 2 ** (attempt - 1), 3600))
        earliest_ms = event.at_ms + (0 if policy.get("jitter") == "full" else most_ms)
        branch = self.attempts[visit].branch
        self.attempts[visit] = Attempt(earliest_ms, event.at_ms + most_ms, branch=branch, paused=True, fresh=True)
        began_ms = self.calls.get((visit, attempt + 1))
        if began_ms is not None:
            self._compare(event, began_ms - earliest_ms, "was called again", early=True)
            self._compare(event, began_ms - event.at_ms - most_ms, "was called again", early=False)

    def _not_early(self, event: HistoryEvent, due_ms: int, what: str) -> None:
        self._compare(event, event.at_ms - due_ms, what, early=True)

    def _not_late(self, event: HistoryEvent, due_ms: int, what: str) -> None:
        self._compare(event, event.at_ms - due_ms, what, early=False)

    def _compare(self, event: HistoryEvent, late_ms: int, what: str, *, early: bool) -> None:
        wrong = late_ms < -EARLY_MS - self.apart_ms if early else self.calm and late_ms > LATE_MS
        if wrong:
            name = "early" if early else "late"
            text = f"{event.step}, visit {event.visit}.{event.attempt}, {what} {abs(late_ms) / 1000} s too {name}"
            raise Violation(name, f"{self.name}: {text}")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def all_steps(steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the steps of a definition by name, those inside others too."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        found[step["id"]] = step
        found |= all_steps(step.get("steps", []))
        for branch in step.get("branches", []):
            found |= all_steps(branch["steps"])
    return found

"""History events → how each step stands: its state, visits, attempts and the time spent in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_AFTER = {
    "StepStarted": "running",
    "StepRetried": "retrying",
    "TaskOpened": "waiting",
    "StepSucceeded": "succeeded",
    "StepFailed": "failed",
    "StepTimedOut": "timed out",
}
_LIVE = ("running", "retrying", "waiting")


@dataclass
class Visit:
    """One visit of a step; times are seconds since the epoch."""

    began: float
    state: str = "running"
    attempts: int = 1
    ended: float | None = None


@dataclass
class StepProgress:
    """All visits of a step by their number. In a map many are under way at once."""

    visits: dict[int, Visit] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What a live visit does, else how the last one ended."""
        states = [visit.state for visit in self.visits.values()]
        return next((state for state in reversed(states) if state in _LIVE), states[-1])

    @property
    def attempts(self) -> int:
        """Of all visits."""
        return sum(visit.attempts for visit in self.visits.values())

    def seconds(self, now: float) -> float:
        """Return the time spent in the step, over all visits."""
        return sum(max(0.0, (now if v.ended is None else v.ended) - v.began) for v in self.visits.values())

    def stop(self, at: float) -> None:
        """The execution has ended: what had not ended by then never will."""
        for visit in self.visits.values():
            if visit.ended is None:
                visit.state, visit.ended = "stopped", at


class Progress:
    """Takes events in order and knows how each step stands."""

    def __init__(self) -> None:
        self.steps: dict[str, StepProgress] = {}

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take the next events."""
        for event in events:
            at = datetime.fromisoformat(event["at"]).timestamp()
            if event["type"].startswith("Execution") and event["type"] not in (
                "ExecutionSubmitted",
                "ExecutionRedriven",
            ):
                for step in self.steps.values():
                    step.stop(at)
            elif "step" in event and "visit" in event:
                self._step(event, at)

    def _step(self, event: Mapping[str, Any], at: float) -> None:
        step = self.steps.setdefault(event["step"], StepProgress())
        visit = step.visits.setdefault(event["visit"], Visit(at))
        visit.state = _AFTER.get(event["type"], visit.state)
        visit.attempts = max(visit.attempts, event.get("attempt", 1))
        visit.ended = None if visit.state in _LIVE else at

    def rows(self, steps: Iterable[tuple[int, Mapping[str, Any]]], now: float) -> list[dict[str, Any]]:
        """Return `{step, type, depth, state, visits, attempts, seconds}` of each step, also of those never entered."""
        found = []
        for depth, step in steps:
            at = self.steps.get(step["id"])
            row = {"step": step["id"], "type": step.get("type"), "depth": depth, "state": at.state if at else None}
            row |= {"visits": len(at.visits) if at else 0, "attempts": at.attempts if at else 0}
            found.append(row | {"seconds": round(at.seconds(now), 3) if at else 0.0})
        return found

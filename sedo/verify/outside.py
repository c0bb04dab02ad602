"""What the other side of outside calls can see twice, and the key by which it can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.effects import Task
from chalicelib.engine.lists import lists_in
from sedo.testing.runner import described
from sedo.testing.script import Attempt

SAFE_METHODS = ("GET", "HEAD")
HEADER = "idempotency-key"
NEVER_TWICE = {
    "execute": "a child's id follows from its place: a second start finds the first",
    "human": "a task is opened once, and the same answer twice counts once",
    "signal": "a signal is taken once",
}


@dataclass
class Called:
    """The calls of one step: an example of whom, in how many runs one attempt arrived more than once, the key."""

    step: str
    type: str
    whom: str
    key: str
    reads_only: bool
    most: int = 1
    runs: int = 0


@dataclass
class Outside:
    """All calls that were seen, by step."""

    called: dict[str, Called] = field(default_factory=dict)

    def see(self, calls: Iterable[tuple[Attempt, Task]], *, disturbed: bool) -> None:
        """Take the calls of one run."""
        arrived: Counter[Attempt] = Counter()
        for attempt, task in calls:
            arrived[attempt] += 1
            if attempt.step not in self.called:
                self.called[attempt.step] = Called(
                    attempt.step, task.type, described(task), key_of(task), _reads_only(task)
                )
        twice: dict[str, int] = {}
        for attempt, times in arrived.items():
            if times > 1:
                twice[attempt.step] = max(times, twice.get(attempt.step, 0))
        for step, times in twice.items() if disturbed else ():
            self.called[step].most = max(self.called[step].most, times)
            self.called[step].runs += 1

    def document(self, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what is known of each step that reaches outside."""
        found = [
            {
                "step": one.step,
                "type": one.type,
                "whom": one.whom,
                "twice": one.most > 1,
                "mostArrivals": one.most,
                "runsWithDoubles": one.runs,
                "key": one.key,
                "readsOnly": one.reads_only,
            }
            for one in self.called.values()
        ]
        never = [
            {"step": spec["id"], "type": spec["type"], "twice": False, "why": NEVER_TWICE[spec["type"]]}
            for inner in lists_in(definition)
            for spec in inner.specs
            if spec["type"] in NEVER_TWICE
        ]
        return found + never


def key_of(task: Task) -> str:
    """Say where the idempotency key of a call stands, which is the same for every arrival of a visit's call."""
    match task.type:
        case "http":
            own = next((name for name in task.request.get("headers", {}) if name.lower() == HEADER), None)
            return "the header Idempotency-Key" + (", as the definition writes it" if own is not None else "")
        case "lambda":
            return "idempotencyKey in the client context"
        case "queue":
            fifo = any(isinstance(value, str) and value.endswith(".fifo") for value in task.request.values())
            return "the attribute Idempotency-Key" + (" and the deduplication id" if fifo else "")
    return ""


def _reads_only(task: Task) -> bool:
    return task.type == "http" and task.request.get("method", "GET") in SAFE_METHODS

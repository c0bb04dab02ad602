"""Accepts or refuses what happened in an execution that branches: a naive walk along its definition.

It knows nothing of heads and messages. What others decide (answers, signals, ends of children, which of two failing
branches was first) is taken as it happened, if it can have happened; all else must be as the definition says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sedo.simulation.checks import Violation
from sedo.simulation.places import STOPPED, Places, Visit
from sedo.simulation.reference import GIVEN_UP, covers
from sedo.simulation.scenarios import Scenario
from sedo.simulation.trees import TreeScenario, number_of, scripted

NAMED_BY_TIME = ("Task.Timeout", "Task.HeartbeatTimeout")
Given = Mapping[tuple[str, int, int], list[tuple[Any, str | None]]]
"""The answers that actors gave to the task of (execution, visit, attempt): values and errors."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a list of steps came out: `done` with a value, `failed` with an error's name, or `stopped` on the way.

    `maybe` is the end of a list whose last step failed before a redrive: nobody wrote whether it went on.
    """

    kind: str
    value: Any = None


@dataclass
class Acceptor:
    """Walks one execution. `children` are the ends of its children: (state, output, error's name) by id.

    `spent` are the executions, parts among them, whose processing may have been given up.
    """

    name: str
    scenario: Scenario
    places: Places
    given: Given
    signals: list[tuple[str, Any]]
    children: Mapping[str, tuple[str, Any, str | None]]
    script: str
    spent: frozenset[str] = frozenset()
    taken: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self._collect(self.scenario.document["steps"])

    def _collect(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            self.steps[step["id"]] = step
            self._collect(step.get("steps", []))
            for branch in step.get("branches", []):
                self._collect(branch["steps"])

    def run(self, input: Any) -> Outcome:
        """Walk the definition's own steps. Raises Violation."""
        outcome = self._list(self.scenario.document["steps"][0]["id"], "", input, None)
        for visit in self.places.left():
            raise self._wrong(visit, "happened for no reason")
        received = list(self.signals)
        for signal in self.taken:
            if signal not in received:
                raise Violation("signal", f"{self.name}: {signal} was taken and never came, or twice")
            received.remove(signal)
        return outcome

    def _wrong(self, visit: Visit, text: str) -> Violation:
        return Violation("reference", f"{self.name}: {visit} {text}")

    def _list(self, first: str, place: str, received: Any, index: int | None) -> Outcome:
        name = first
        while True:
            step = self.steps[name]
            visit = self.places.take(place)
            if visit is None:
                return Outcome("stopped")
            if visit.step != name:
                raise self._wrong(visit, f"stands where {name} was expected")
            output = self._step(step, visit, place, received, index)
            following = self.places.next(place)
            again = following is not None and following.step == name and following.life > visit.life
            if again and (not visit.ended or visit.error is not None):
                continue  # a redrive visits it once more
            if not visit.ended or visit.error == STOPPED:
                return _unfinished(visit)
            if visit.error is not None:
                caught = next((c for c in step.get("catch", ()) if covers(c["errors"], visit.error)), None)
                if caught is None or step["type"] == "fail":
                    return Outcome("failed", visit.error)
                name, received = caught["next"], self._shaped(step, received)
                continue
            if visit.output != output:
                raise self._wrong(visit, f"should have the output {output!r}")
            if "next" not in step:
                return Outcome("done", output)
            name, received = step["next"], output

    def _step(self, step: dict[str, Any], visit: Visit, place: str, received: Any, index: int | None) -> Any:
        """Check one visit, and return the output that it must have if it succeeded."""
        self._check_attempts(step, visit)
        meaning = self.scenario.meaning[step["id"]]
        match step["type"]:
            case "http" | "lambda" | "queue":
                return self._called(step, visit, index)
            case "pass":
                self._never_fails(visit)
                return meaning.get("output", ("const", received))[1]
            case "wait":
                self._never_fails(visit)
                return received
            case "fail":
                if visit.ended and visit.error not in ("Author.SaidSo", STOPPED) and not self._gave_up(visit):
                    raise self._wrong(visit, "should have failed as its author says")
                return None
            case "human" | "callback":
                return self._answered(step, visit, index)
            case "signal":
                self._by_time(step, visit, ())
                if visit.ended and visit.error is None:
                    self.taken.append((step["name"], visit.output))
                return visit.output
            case "execute":
                return self._child(step, visit, meaning)
        return self._fan(step, visit, place, received, index)

    def _shaped(self, step: dict[str, Any], received: Any) -> Any:
        """Return what a step sees as its input."""
        if step["type"] == "execute":
            return {"script": self.script, "k": 1, "name": step["id"]}
        return received

    def _check_attempts(self, step: dict[str, Any], visit: Visit) -> None:
        """See that it was tried no more often than allowed, and not given up before."""
        most = max((policy["maxAttempts"] for policy in step.get("retry", ())), default=1)
        if visit.attempts > most:
            raise self._wrong(visit, "was tried too often")
        if not visit.ended or visit.error in (None, STOPPED, GIVEN_UP):
            return
        policy = next((p for p in step.get("retry", ()) if covers(p["errors"], str(visit.error))), None)
        if policy is not None and visit.attempts < policy["maxAttempts"]:
            raise self._wrong(visit, "should have been tried again")

    def _gave_up(self, visit: Visit) -> bool:
        return visit.error == GIVEN_UP and visit.owner in self.spent

    def _never_fails(self, visit: Visit) -> None:
        if visit.ended and visit.error not in (None, STOPPED) and not self._gave_up(visit):
            raise self._wrong(visit, "cannot fail so")

    def _called(self, step: dict[str, Any], visit: Visit, index: int | None) -> Any:
        answer = scripted(self.script, step["id"], index, visit.attempts, step.get("timeoutSeconds", 30))
        if visit.ended and visit.error not in (STOPPED, answer.error) and not self._gave_up(visit):
            raise self._wrong(visit, f"should have come to {answer.error}")
        number = number_of(self.script, step["id"], index, visit.attempts)
        return f"m{number}" if step["type"] == "queue" else number

    def _answered(self, step: dict[str, Any], visit: Visit, index: int | None) -> Any:
        given = self.given.get((visit.owner, visit.number, visit.attempts), [])
        errors = {error for _, error in given}
        if step["type"] == "callback":
            errors.add(scripted(self.script, step["id"], index, visit.attempts, 30).error)
        self._by_time(step, visit, errors)
        if visit.ended and visit.error is None and (visit.output, None) not in given:
            raise self._wrong(visit, f"was answered by nobody: {given}")
        return visit.output

    def _by_time(self, step: dict[str, Any], visit: Visit, others: Any) -> None:
        """See that a failure is one that somebody named, or one that time brings."""
        if not visit.ended or visit.error in (None, STOPPED) or visit.error in others or self._gave_up(visit):
            return
        field = {"Task.Timeout": "timeoutSeconds", "Task.HeartbeatTimeout": "heartbeatSeconds"}.get(str(visit.error))
        if field is None or field not in step:
            raise self._wrong(visit, "failed for no reason")

    def _child(self, step: dict[str, Any], visit: Visit, meaning: dict[str, Any]) -> Any:
        again = "" if visit.attempts == 1 else f"-{visit.attempts}"
        child = f"{visit.owner}.{visit.number}{again}.0"
        state, output, error = self.children.get(child, ("", None, None))
        if not meaning["kid"]:
            self._by_time(step, visit, ())
            return child
        self._by_time(step, visit, (error,))
        if visit.ended and visit.error is None and state != "ExecutionSucceeded":
            raise self._wrong(visit, f"succeeded, and its child is {state}")
        return output

    def _fan(self, step: dict[str, Any], visit: Visit, place: str, received: Any, index: int | None) -> Any:
        for attempt in range(1, visit.attempts + 1):
            outcomes = self._branches(step, f"{place}/{step['id']}@{visit.number}.{attempt}", received, index)
            failed = [outcome.value for outcome in outcomes if outcome.kind in ("failed", "maybe")]
            last = attempt == visit.attempts
            allowed = math.floor(step.get("toleratedFailurePercentage", 0) * len(outcomes) / 100)
            if not last or not visit.ended:
                continue
            if visit.error is None:
                if len(failed) > allowed or any(outcome.kind == "stopped" for outcome in outcomes):
                    raise self._wrong(visit, f"succeeded with {outcomes}")
                return self._listed(visit, outcomes)
            failed = failed if len(failed) > allowed else []
            self._by_time(step, visit, [*failed, *self._of_parts(step, visit)])
        return None

    def _of_parts(self, step: dict[str, Any], visit: Visit) -> tuple[str, ...]:
        """Return what a map fails with whose parts were given up."""
        in_parts = isinstance(self.scenario, TreeScenario) and len(step.get("items", ())) > self.scenario.width
        below = (f"{visit.owner}.{visit.number}.", f"{visit.owner}.{visit.number}-")
        given_up = any(name.startswith(below) for name in self.spent)
        return (GIVEN_UP,) if in_parts and given_up else ()

    def _branches(self, step: dict[str, Any], place: str, received: Any, index: int | None) -> list[Outcome]:
        if step["type"] == "parallel":
            firsts = [branch["steps"][0]["id"] for branch in step["branches"]]
            return [self._list(first, f"{place}/{i}", received, index) for i, first in enumerate(firsts)]
        first = step["steps"][0]["id"]
        return [self._list(first, f"{place}/{i}", item, i) for i, item in enumerate(step["items"])]

    def _listed(self, visit: Visit, outcomes: list[Outcome]) -> Any:
        """Return the list that a fan-out hands on; of tolerated failures only the names are known here."""
        found = visit.output if isinstance(visit.output, list) else []
        expected = [outcome.value for outcome in outcomes]
        for i, outcome in enumerate(outcomes):
            borne = outcome.kind in ("failed", "maybe") and i < len(found) and isinstance(found[i], dict)
            if borne and found[i].get("error", {}).get("name") == outcome.value:
                expected[i] = found[i]
        return expected


def _unfinished(visit: Visit) -> Outcome:
    """Return how a list came out whose last visit came to nothing: stopped, or joined as failed before a redrive."""
    if not visit.ended and visit.failed_before is not None:
        return Outcome("maybe", visit.failed_before)
    return Outcome("stopped")

"""Which steps and routes of a definition have been taken: next, end, default, arms of choices, catches, retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.definition import Definition, Step, parse
from chalicelib.engine.errors import BRANCH_STOPPED, matches
from chalicelib.engine.history import EventType, HistoryEvent
from chalicelib.engine.lists import lists_in
from chalicelib.engine.retries import granted


@dataclass(frozen=True, slots=True)
class Part:
    """A step, or a route out of it; `at` is its JSON Pointer in the definition."""

    step: str
    at: str
    text: str
    is_step: bool = False


@dataclass
class Coverage:
    """The parts of one definition, and those that were taken."""

    document: dict[str, Any]
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.definition: Definition = parse(self.document)
        for found in lists_in(self.document):
            for i, spec in enumerate(found.specs):
                self._add(spec, f"{found.path}/{i}")

    def _add(self, spec: Mapping[str, Any], at: str) -> None:
        name = spec["id"]
        self.parts[(name, "")] = Part(name, at, name, is_step=True)
        routes = [(f"/{word}", f"{word} → {spec[word]}") for word in ("next", "default") if word in spec]
        routes += [("/end", "end")] if "end" in spec else []
        routes += [(f"/choices/{i}", f"choice {i} → {arm['next']}") for i, arm in enumerate(spec.get("choices", ()))]
        for i, entry in enumerate(spec.get("retry", ())):
            routes.append((f"/retry/{i}", f"retry {i} ({', '.join(entry['errors'])})"))
        for i, entry in enumerate(spec.get("catch", ())):
            routes.append((f"/catch/{i}", f"catch {i} ({', '.join(entry['errors'])}) → {entry['next']}"))
        for route, text in routes:
            self.parts[(name, route)] = Part(name, at + route, f"{name}: {text}")

    def add(self, events: Iterable[HistoryEvent], arms: Iterable[tuple[str, str]]) -> None:
        """Take what happened in one execution, and the arms that choices took."""
        self.taken.update(arm for arm in arms if arm in self.parts)
        for event in events:
            step = self.definition.steps.get(event.step or "")
            if step is not None:
                self.taken.update((step.id, route) for route in _routes(event, step) if (step.id, route) in self.parts)

    def counts(self, *, of_steps: bool) -> tuple[int, int]:
        """Return how many steps, or routes, were taken, and how many there are."""
        parts = [key for key, part in self.parts.items() if part.is_step is of_steps]
        return len([key for key in parts if key in self.taken]), len(parts)

    @property
    def percent(self) -> float:
        """Of steps and routes together."""
        return 100 * len(self.taken) / len(self.parts)

    def missing(self) -> list[Part]:
        """Return what was not taken, in the order of the file; of a step that was never entered, the step alone."""
        return [
            part
            for key, part in self.parts.items()
            if key not in self.taken and (part.is_step or (part.step, "") in self.taken)
        ]


def _routes(event: HistoryEvent, step: Step) -> list[str]:
    """Return what an event says was taken."""
    if event.type == EventType.STEP_STARTED:
        return [""]
    if event.type == EventType.STEP_SUCCEEDED:
        return ["/next", "/end"]
    if event.type not in (EventType.STEP_RETRIED, EventType.STEP_FAILED, EventType.STEP_TIMED_OUT):
        return []
    name = event.details["error"]["name"]
    if event.type == EventType.STEP_RETRIED:
        policy = granted(step.retry, name, event.attempt or 1)
        return [f"/retry/{i}" for i, entry in enumerate(step.retry) if entry is policy]
    if name == BRANCH_STOPPED:
        return []
    return [f"/catch/{i}" for i, entry in enumerate(step.catch) if matches(entry.errors, name)][:1]

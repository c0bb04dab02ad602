"""What really happened, by place: the visits of each list of steps, out of the histories of an execution and its parts.

A place is a path with the attempt of each fan-out in it, `m@2/5`: what an earlier attempt of the step began stays apart.
The parts of a large map are heads of their own; here they are one with the execution whose map it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType, HistoryEvent

from sedo.simulation.checks import OUTCOMES, Record

STOPPED = "Branch.Stopped"


@dataclass(slots=True)
class Visit:
    """One visit of a step: `error` is None when it succeeded; `ended` says whether it came to anything."""

    owner: str
    number: int
    step: str
    started_ms: int
    life: int
    attempts: int = 1
    ended: bool = False
    ended_ms: int = 0
    error: str | None = None
    output: Any = None
    failed_before: str | None = None

    def revive(self) -> None:
        """Forget a failure: in the next life a fan-out may go on in the same visit (other steps are visited anew)."""
        if self.ended and self.error is not None:
            self.failed_before = self.error
            self.ended, self.error = False, None


@dataclass(slots=True)
class Places:
    """The visits of one execution by place, each read from its beginning."""

    visits: dict[str, list[Visit]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)

    def next(self, place: str) -> Visit | None:
        """Return the visit that follows at a place, without taking it."""
        found = self.visits.get(place, [])
        at = self.read.get(place, 0)
        return found[at] if at < len(found) else None

    def take(self, place: str) -> Visit | None:
        """Take the next visit at a place."""
        visit = self.next(place)
        self.read[place] = self.read.get(place, 0) + 1
        return visit

    def left(self) -> Iterator[Visit]:
        """Yield the visits that nobody took."""
        for place, visits in self.visits.items():
            yield from visits[self.read.get(place, 0) :]


def is_part(head: Execution) -> bool:
    """Say whether a head does a part of a map of the execution above it."""
    return head.parent is not None and "start" in head.parent


@dataclass(slots=True)
class _Reader:
    """Reads the histories of one execution and, below it, of its parts."""

    heads: Mapping[str, Execution]
    records: Mapping[str, Record]
    parts: Mapping[str, list[str]]
    fans: frozenset[str]
    found: Places = field(default_factory=Places)

    def read(self, name: str, base: str, map_place: str | None, start: int) -> None:
        """Read one history; in a part, `map_place` is where its items stand, the first of which is `start`."""
        attempts: dict[tuple[str, str], int] = {}
        where: dict[int, tuple[str, str, str]] = {}
        visits: dict[int, Visit] = {}
        latest: dict[str, Visit] = {}
        life = 1

        def place_of(path: str) -> str:
            parts = path.split("/") if path else []
            place, above = base, ""
            for i in range(0, len(parts), 2):
                step, number = parts[i], int(parts[i + 1])
                if i == 0 and map_place is not None:
                    place = f"{map_place}/{start + number}"
                else:
                    place = f"{place}/{step}@{attempts.get((above, step), 1)}/{number}"
                above = f"{above}/{step}/{number}"
            return place

        for event in self.records[name].log:
            if event.type == EventType.EXECUTION_REDRIVEN:
                life += 1
                for visit in latest.values():
                    if visit.step in self.fans:
                        visit.revive()
            if event.visit is None:
                continue
            if event.type == EventType.STEP_STARTED:
                path = event.details.get("path", "")
                where[event.visit] = (path, str(event.step), place_of(path))
                attempts[("/" + path if path else "", str(event.step))] = 1
                visit = Visit(name, event.visit, str(event.step), event.at_ms, life)
                visits[event.visit] = latest[path] = visit
                if path or map_place is None:
                    self.found.visits.setdefault(where[event.visit][2], []).append(visit)
            elif event.visit in visits:
                self._note(event, visits[event.visit])
                if event.type == EventType.STEP_RETRIED:
                    path, step, _ = where[event.visit]
                    attempts[("/" + path if path else "", step)] = (event.attempt or 0) + 1
        for part in self.parts.get(name, ()):
            self._read_part(part, where, map_place)

    def _read_part(self, part: str, where: Mapping[int, tuple[str, str, str]], map_place: str | None) -> None:
        parent: Mapping[str, Any] = self.heads[part].parent or {}
        visit, attempt, _ = (int(text) for text in parent["token"][1:].split("."))
        path, step, place = where[visit]
        inner = map_place if map_place is not None and not path else f"{place}/{step}@{attempt}"
        self.read(part, "", inner, parent["start"])

    def _note(self, event: HistoryEvent, visit: Visit) -> None:
        if event.type == EventType.STEP_RETRIED:
            visit.attempts = (event.attempt or 0) + 1
        elif event.type in OUTCOMES:
            error = event.details.get("error")
            visit.ended, visit.ended_ms = True, event.at_ms
            visit.error = None if error is None else error["name"]
            visit.output = event.details.get("output")


def places_of(name: str, heads: Mapping[str, Execution], records: Mapping[str, Record], fans: frozenset[str]) -> Places:
    """Return what happened in an execution, its parts included; `fans` are the steps that go several ways."""
    parts: dict[str, list[str]] = {}
    for other, head in heads.items():
        if head.parent is not None and is_part(head):
            parts.setdefault(head.parent["id"], []).append(other)
    reader = _Reader(heads, records, parts, fans)
    reader.read(name, "", None, 0)
    return reader.found

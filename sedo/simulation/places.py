"""What really happened, by place: the visits of each list of steps, read from the histories of an execution.

A place is a path with visit and attempt of each fan-out in it, `m@7.2/5`: what an earlier attempt began stays apart.
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
class _Log:
    """How far one history was read: where its visits stand, and what the latest one on each path is."""

    name: str
    map_place: str | None
    start: int
    life: int = 1
    at: dict[tuple[str, str], str] = field(default_factory=dict)
    where: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    visits: dict[int, Visit] = field(default_factory=dict)
    latest: dict[str, Visit] = field(default_factory=dict)

    def place_of(self, path: str) -> str:
        """Return the place of a path as it is now; a part's own items stand where the map's do."""
        parts = path.split("/") if path else []
        place = ""
        for i in range(0, len(parts), 2):
            above, step, number = "/".join(parts[:i]), parts[i], int(parts[i + 1])
            if i == 0 and self.map_place is not None:
                place = f"{self.map_place}/{self.start + number}"
            else:
                place = f"{place}/{step}@{self.at.get((above, step))}/{number}"
        return place

    def begin(self, event: HistoryEvent) -> Visit:
        """Take the start of a visit."""
        path, step, number = event.details.get("path", ""), str(event.step), event.visit or 0
        self.where[number] = (path, step, self.place_of(path))
        self.at[(path, step)] = f"{number}.1"
        visit = Visit(self.name, number, step, event.at_ms, self.life)
        self.visits[number] = self.latest[path] = visit
        return visit

    def note(self, event: HistoryEvent) -> None:
        """Take what became of a visit."""
        visit = self.visits.get(event.visit or 0)
        if visit is None:
            return
        if event.type == EventType.STEP_RETRIED:
            visit.attempts = (event.attempt or 0) + 1
            path, step, _ = self.where[visit.number]
            self.at[(path, step)] = f"{visit.number}.{visit.attempts}"
        elif event.type in OUTCOMES:
            error = event.details.get("error")
            visit.ended, visit.ended_ms = True, event.at_ms
            visit.error = None if error is None else error["name"]
            visit.output = event.details.get("output")


@dataclass(slots=True)
class _Reader:
    """Reads the histories of one execution and, below it, of its parts."""

    heads: Mapping[str, Execution]
    records: Mapping[str, Record]
    parts: Mapping[str, list[str]]
    fans: frozenset[str]
    found: Places = field(default_factory=Places)

    def read(self, name: str, map_place: str | None, start: int) -> None:
        """Read one history; in a part, `map_place` is where its items stand, the first of which is `start`."""
        log = _Log(name, map_place, start)
        for event in self.records[name].log:
            if event.type == EventType.EXECUTION_REDRIVEN:
                log.life += 1
                for visit in log.latest.values():
                    if visit.step in self.fans:
                        visit.revive()
            elif event.type == EventType.STEP_STARTED:
                visit = log.begin(event)
                path, _, place = log.where[visit.number]
                if path or map_place is None:
                    self.found.visits.setdefault(place, []).append(visit)
            else:
                log.note(event)
        for part in self.parts.get(name, ()):
            self._read_part(part, log)

    def _read_part(self, part: str, log: _Log) -> None:
        parent: Mapping[str, Any] = self.heads[part].parent or {}
        visit, attempt, _ = (int(text) for text in parent["token"][1:].split("."))
        path, step, place = log.where[visit]
        same_map = log.map_place is not None and not path
        self.read(part, log.map_place if same_map else f"{place}/{step}@{visit}.{attempt}", parent["start"])


def places_of(name: str, heads: Mapping[str, Execution], records: Mapping[str, Record], fans: frozenset[str]) -> Places:
    """Return what happened in an execution, its parts included; `fans` are the steps that go several ways."""
    parts: dict[str, list[str]] = {}
    for other, head in heads.items():
        if head.parent is not None and is_part(head):
            parts.setdefault(head.parent["id"], []).append(other)
    reader = _Reader(heads, records, parts, fans)
    reader.read(name, None, 0)
    return reader.found

"""The way that an execution took, as a tree: visits in order, with the branches, items and children of each.

Written down, a path is a list of step ids. A step with ways inside is `{step: [way, way, …]}` by branch or item, and an
`execute` is `{step: way}`. Of a fan-out that was tried again, the last attempt counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType, HistoryEvent
from sedo.testing.whereabouts import is_part


@dataclass
class Visit:
    """One visit of a step: the ways of its branches by number, and the way of its child."""

    step: str
    ways: dict[int, list[Visit]] = field(default_factory=dict)
    child: list[Visit] | None = None


Way = list[Visit]


@dataclass
class Trails:
    """Reads the ways out of histories: heads and their events by execution id."""

    heads: Mapping[str, Execution]
    logs: Mapping[str, Sequence[HistoryEvent]]

    def way(self, name: str) -> Way:
        """Return the way of an execution."""
        way: Way = []
        self._read(name, way, None)
        return way

    def _read(self, name: str, way: Way, whole: Visit | None) -> None:
        """Read one history; `whole` is the visit of the map of which this execution does a part."""
        head = self.heads[name]
        first = (head.parent or {}).get("start", 0)
        visits: dict[int, Visit] = {}
        ways: dict[str, Way] = {"": way}

        def way_at(path: str) -> Way:
            if path not in ways:
                above, _, number = path.rpartition("/")
                above, _, _ = above.rpartition("/")
                fan = whole if whole is not None and not above else way_at(above)[-1]
                ways[path] = fan.ways.setdefault(int(number) + (first if fan is whole else 0), [])
            return ways[path]

        for event in self.logs[name]:
            if event.type == EventType.STEP_STARTED and event.visit is not None:
                path = event.details.get("path", "")
                if whole is not None and not path:
                    visits[event.visit] = whole
                    continue
                visits[event.visit] = visit = Visit(str(event.step))
                inside = f"{path}/{event.step}/" if path else f"{event.step}/"
                for known in [known for known in ways if known.startswith(inside)]:
                    del ways[known]
                way_at(path).append(visit)
            elif event.type == EventType.STEP_RETRIED and event.visit in visits:
                self._forget(visits[event.visit], ways)
            elif event.type == EventType.CHILD_STARTED and event.visit in visits:
                self._child(event.details["executionId"], visits[event.visit])

    def _forget(self, visit: Visit, ways: dict[str, Way]) -> None:
        """A step is tried again: what was inside it begins anew."""
        inner = list(visit.ways.values())
        for path in [path for path, way in ways.items() if any(way is gone for gone in inner)]:
            for known in [known for known in ways if known == path or known.startswith(path + "/")]:
                del ways[known]
        visit.ways, visit.child = {}, None

    def _child(self, name: str, visit: Visit) -> None:
        child = self.heads.get(name)
        if child is None:
            return
        if is_part(child):
            self._read(name, [], visit)
        else:
            visit.child = self.way(name)


def written(way: Way) -> list[Any]:
    """Return a way in full."""
    return [_written(visit) for visit in way]


def _written(visit: Visit) -> Any:
    if visit.ways:
        return {visit.step: [written(visit.ways[number]) for number in sorted(visit.ways)]}
    return visit.step if visit.child is None else {visit.step: written(visit.child)}


def written_like(way: Way, expected: Sequence[Any]) -> list[Any]:
    """Return a way with as much detail as an expected one has, step for step."""
    found = []
    for place, visit in enumerate(way):
        wanted = expected[place] if place < len(expected) else None
        inside = wanted.get(visit.step) if isinstance(wanted, Mapping) else None
        found.append(visit.step if inside is None else {visit.step: _inside(visit, inside)})
    return found


def _inside(visit: Visit, wanted: Any) -> Any:
    if isinstance(wanted, Mapping):
        named = {str(number): way for number, way in visit.ways.items()}
        return {number: written_like(named[number], inner) for number, inner in wanted.items() if number in named}
    if visit.child is not None:
        return written_like(visit.child, wanted)
    lists = [inner if isinstance(inner, list) else [] for inner in wanted]
    ways = [visit.ways[number] for number in sorted(visit.ways)]
    return [written_like(way, lists[i] if i < len(lists) else []) for i, way in enumerate(ways)]


def visits_in(way: Way) -> int:
    """Return how many visits a way has, those inside it too."""
    total = 0
    for visit in way:
        total += 1 + sum(visits_in(inner) for inner in visit.ways.values())
        total += 0 if visit.child is None else visits_in(visit.child)
    return total

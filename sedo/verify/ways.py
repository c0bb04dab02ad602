"""Ways through a definition, each taking one route that the shortest way does not take, as far as such ways exist.

A way says of each step by which route it is left: `/next`, `/choices/0`, `/default`, `/catch/1`, or '' where it ends.
One step leaves by one route in all of a way, so that what leads back into a loop is not among them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.lists import StepList, lists_in, step_at

FAILS = 1000
"""A way that ends in a `fail` counts as so many steps longer."""
MOST_TRIED = 3000
Route = tuple[str, str | None]
"""Where a route is written, and the step to which it leads; None where the list ends."""


@dataclass(frozen=True, slots=True)
class Way:
    """A name, the route of each step that matters, and the steps of the outermost list in order."""

    name: str
    routes: Mapping[str, str]
    steps: tuple[str, ...] = ()


@dataclass
class _List:
    """One list of steps as a graph."""

    found: StepList
    specs: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.specs = {spec["id"]: spec for spec in self.found.specs}

    @property
    def first(self) -> str:
        return str(self.found.specs[0]["id"])

    def routes(self, step: str, *, catches: bool = False) -> list[Route]:
        spec = self.specs[step]
        found: list[Route] = [(f"/choices/{i}", arm["next"]) for i, arm in enumerate(spec.get("choices", ()))]
        found += [(f"/{word}", spec[word]) for word in ("next", "default") if word in spec]
        if spec["type"] in ("succeed", "fail") or spec.get("end"):
            found.append(("", None))
        if catches:
            found += [(f"/catch/{i}", entry["next"]) for i, entry in enumerate(spec.get("catch", ()))]
        return found

    def shortest(
        self, begin: str, goal: str | None, fixed: Mapping[str, str], *, catches: bool
    ) -> dict[str, str] | None:
        """Return the routes of the shortest way from a step to another, or to an end; `fixed` ones stay."""
        waiting: list[tuple[int, int, str | None, dict[str, str]]] = [(0, 0, begin, {})]
        seen: set[str | None] = set()
        order = 0
        while waiting:
            cost, _, step, taken = heapq.heappop(waiting)
            if step == goal:
                return taken
            if step in seen or step is None:
                continue
            seen.add(step)
            for route, target in self.routes(step, catches=catches):
                if fixed.get(step, route) != route:
                    continue
                order += 1
                fails = FAILS if target is None and self.specs[step]["type"] == "fail" else 0
                price = 1 + fails + (5 if route.startswith("/catch") else 0)
                heapq.heappush(waiting, (cost + price, order, target, taken | {step: route}))
        return None

    def through(self, step: str, route: Route) -> dict[str, str] | None:
        """Return the routes of a way that takes one route; None where it would have to come by twice."""
        before = self.shortest(self.first, step, {}, catches=False)
        before = before if before is not None else self.shortest(self.first, step, {}, catches=True)
        if before is None:
            return None
        taken = before | {step: route[0]}
        if route[1] is None:
            return taken
        after = self.shortest(route[1], None, taken, catches=False)
        return None if after is None else after | taken

    def longest(self) -> dict[str, str]:
        """Return the routes of the longest way without a loop, among those that are tried."""
        best: dict[str, str] = {}
        tried = 0
        open_ways: list[tuple[str, dict[str, str]]] = [(self.first, {})]
        while open_ways and tried < MOST_TRIED:
            tried += 1
            step, taken = open_ways.pop()
            for route, target in self.routes(step):
                longer = taken | {step: route}
                if target is None:
                    best = max(best, longer, key=len)
                elif target not in longer:
                    open_ways.append((target, longer))
        return best


def ways(document: Mapping[str, Any]) -> tuple[list[Way], list[tuple[str, str]]]:
    """Return ways that take, together, every route they can, and the routes (step, pointer) that none takes."""
    lists = {found.path: _List(found) for found in lists_in(document)}
    usual: dict[str, str] = {}
    for inner in lists.values():
        for step in inner.specs:
            usual |= {
                step: route
                for step, route in (inner.shortest(step, None, usual, catches=False) or {}).items()
                if step not in usual
            }
    top = lists["/steps"]
    found = [Way("the shortest way", usual, _steps(top, usual))]
    long = usual | top.longest()
    found.append(Way("the longest way", long, _steps(top, long)))
    missed: list[tuple[str, str]] = []
    for path, inner in lists.items():
        for step in inner.specs:
            for route in inner.routes(step, catches=True):
                taken = inner.through(step, route)
                above = _above(lists, path) if taken is not None else None
                if taken is None or above is None:
                    missed.append((step, route[0]))
                else:
                    routes = usual | above | taken
                    found.append(Way(f"{step}{' ' + route[0] if route[0] else ''}", routes, _steps(top, routes)))
    return list(_different(found)), missed


def _above(lists: Mapping[str, _List], path: str) -> dict[str, str] | None:
    """Return the routes that lead to the step that holds a list."""
    if path == "/steps":
        return {}
    holder = step_at(path)
    outer = next(known for at, known in lists.items() if holder is not None and holder.rpartition("/")[0] == at)
    spec: Mapping[str, Any] = outer.found.specs[int(str(holder).rpartition("/")[2])]
    there = outer.shortest(outer.first, spec["id"], {}, catches=False)
    above = _above(lists, outer.found.path)
    return None if there is None or above is None else above | there


def _steps(top: _List, routes: Mapping[str, str]) -> tuple[str, ...]:
    step: str | None = top.first
    found: list[str] = []
    while step is not None and step not in found:
        found.append(step)
        step = next((target for route, target in top.routes(step, catches=True) if route == routes.get(step)), None)
    return tuple(found)


def _different(found: Sequence[Way]) -> Iterator[Way]:
    """Yield the ways that do not leave the same steps by the same routes as one before."""
    known: set[tuple[tuple[str, str], ...]] = set()
    for way in found:
        key = tuple(sorted(way.routes.items()))
        if key not in known:
            known.add(key)
            yield way

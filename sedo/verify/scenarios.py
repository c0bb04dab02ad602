"""What is swept: the cases of the test file; without one, ways through the definition with made-up answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.engine.errors import TASK_TIMEOUT, Problem, matches
from chalicelib.engine.lists import lists_in
from sedo.testing.cases import EVERY_ITEM, Case, Entry
from sedo.testing.library import Library
from sedo.verify.generate import Unmakeable, value_for
from sedo.verify.ways import Way, ways

MOST_WAYS = 24
DEEPEST = 3
_EXAMPLES = {
    "*": "Task.Failed",
    "Http.5xx": "Http.503",
    "Http.4xx": "Http.400",
    "Http": "Http.500",
    "Task": "Task.Failed",
}
_ASKING = frozenset({"callback", "execute", "human", "signal"})
PURE = frozenset({"choice", "echo", "fail", "map", "parallel", "pass", "succeed", "wait"})


@dataclass(frozen=True)
class Scenario:
    """One run: a definition, its siblings, and the answers it gets."""

    name: str
    library: Library
    case: Case


@dataclass
class Scenarios:
    """What is swept, where it comes from, and the routes that none of the made-up ways takes."""

    source: str
    found: list[Scenario]
    missed: list[tuple[str, str]] = field(default_factory=list)


def of_cases(library: Library, cases: tuple[Case, ...], source: str) -> Scenarios:
    """Return the cases of a test file."""
    return Scenarios(source, [Scenario(case.name, library, case) for case in cases])


def made_up(library: Library) -> Scenarios:
    """Return ways through the definition. Raises Unmakeable where an input cannot be made."""
    found, missed = ways(library.document)
    made: list[Scenario] = []
    for way in found:
        case = _case(library, way)
        if case is None:
            missed.append(_last(way))
        elif len(made) < MOST_WAYS:
            forced = {step: way.routes[step] for step in _choices(library.document) if step in way.routes}
            made.append(Scenario(way.name, replace_forced(library, forced), case))
    return Scenarios("answers made up from the schemas", made, missed)


def replace_forced(library: Library, forced: Mapping[str, str]) -> Library:
    """Return the library with choices that take the arms of one way."""
    return replace(library, forced=forced)


def _last(way: Way) -> tuple[str, str]:
    step, _, route = way.name.partition(" ")
    return step, route


def _choices(document: Mapping[str, Any]) -> list[str]:
    return [spec["id"] for found in lists_in(document) for spec in found.specs if spec["type"] == "choice"]


def _case(library: Library, way: Way) -> Case | None:
    """Return the case of a way; None where a failure on it cannot be brought about from outside."""
    mocks = {name: {EVERY_ITEM: [entry]} for name, entry in _answers(library, library.document, "", 0)}
    for found in lists_in(library.document):
        for spec in found.specs:
            route = way.routes.get(spec["id"], "")
            if route.startswith("/catch/") and (spec["id"] in way.steps or found.level > 1):
                failure = _failure(spec, int(route.rpartition("/")[2]))
                if failure is None:
                    return None
                mocks[spec["id"]] = {EVERY_ITEM: [failure]}
    return Case(way.name, input=value_for(library.document.get("inputSchema", {})), mocks=mocks)


def _answers(library: Library, document: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Entry]]:
    """Yield a good answer for each step that asks somebody; children with a file beside really run."""
    for found in lists_in(document):
        for spec in found.specs:
            name, kind = prefix + spec["id"], spec["type"]
            sibling = library.sibling(spec["definition"]) if kind == "execute" and depth < DEEPEST else None
            if sibling is not None:
                yield from _answers(library, sibling, f"{name}/", depth + 1)
            elif kind not in PURE:
                yield name, _answer(spec)


def _answer(spec: Mapping[str, Any]) -> Entry:
    if spec["type"] not in _ASKING:
        return Entry(at=spec["id"], times=None, generic=True, after_seconds=0.1)
    output = value_for(spec.get("inputSchema", {})) if spec["type"] == "human" else {}
    return Entry(at=spec["id"], output=output, times=None, after_seconds=1)


def _failure(spec: Mapping[str, Any], number: int) -> Entry | None:
    """Return an answer that fails so that a step's catch takes it, and none before it."""
    kind = spec["type"]
    if kind in PURE:
        return None
    for pattern in spec["catch"][number]["errors"]:
        name = _EXAMPLES.get(pattern, pattern)
        first = next(i for i, entry in enumerate(spec["catch"]) if matches(entry["errors"], name))
        if first != number:
            continue
        if kind in ("human", "callback", "signal") and name == TASK_TIMEOUT and "timeoutSeconds" in spec:
            return Entry(at=spec["id"], never=True, times=None)
        if kind != "signal":
            return Entry(at=spec["id"], error=(name, "as verify wants it"), times=None)
    return None


__all__ = ["Problem", "Scenario", "Scenarios", "Unmakeable", "made_up", "of_cases"]

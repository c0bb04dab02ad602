"""Generated definitions that branch: lists of steps inside steps, people, signals, children, and what each step means.

Every list is walked from its first step to its last, but for catches, which lead forward. A step's meaning is
plain data, so that the acceptor needs no expressions: see `Meaning`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from chalicelib.engine.definition import Definition, parse

from sedo.simulation.scenarios import PATTERNS, Answer, Scenario, answer_of, same_input

PLACES = "_"
"""Stands between script, step and item in the names of functions and queues."""
TREES = 1_000_000
"""Scenarios with numbers from here on are these."""
DIFFERENT = 4000
MOST_LEVELS = 3
TASK_PATTERNS = (*PATTERNS, "Task", "Person.Refused", "Author.SaidSo", "Branch", "Execution")
Meaning = dict[str, Any]
"""`output`: ("const", v) · `inner`: lists of step ids ·
`items`: how many · `quota`, `tolerated` · `seconds` of a wait · `kid`: it runs the second definition."""


@dataclass(frozen=True, slots=True)
class TreeScenario(Scenario):
    """A definition that branches, and the one that its `execute` steps run. `width` stands for fanout.WIDTH."""

    kid: Scenario | None = None
    width: int = 40


def scripted(script: str, step: str, index: int | None, attempt: int, timeout_seconds: float) -> Answer:
    """Return how the other side answers an attempt of a step, for an item where there is one."""
    place = zlib.crc32(f"{step}/{index}".encode())
    return answer_of(script, place, attempt, timeout_seconds)


def number_of(script: str, step: str, index: int | None, attempt: int) -> int:
    """Return the number that the other side's answer holds."""
    return zlib.crc32(f"{script}/{step}/{index}/{attempt}".encode()) % 1000


@dataclass
class _Author:
    """Writes one definition, list by list."""

    draw: Random
    kid: str | None
    number: int
    meaning: dict[str, Meaning] = field(default_factory=dict)
    count: int = 0

    def steps(self, level: int, in_map: bool) -> list[dict[str, Any]]:
        draw = self.draw
        length = draw.choice((1, 1, 2, 2, 3) if level > 1 else (1, 2, 3, 4))
        names = [f"s{self.count + i}" for i in range(length)]
        self.count += length
        found = []
        for i, name in enumerate(names):
            kinds = _OUTER if level == 1 else _INNER if level < MOST_LEVELS else _LEAVES
            kind = draw.choice(kinds)
            kind = "callback" if kind == "signal" and in_map else kind
            step = {"id": name, **same_input(self.number, name), **self._kind(kind, name, level, in_map)}
            later = names[i + 1 :]
            self._errors(step, later)
            if step["type"] != "fail":
                step |= {"next": names[i + 1]} if later else {"end": True}
            elif later:  # nothing may be unreachable
                step = {"id": name, "type": "pass", "next": names[i + 1]}
                self.meaning[name] = {}
            found.append(step)
        return found

    def _kind(self, kind: str, name: str, level: int, in_map: bool) -> dict[str, Any]:
        draw, meaning = self.draw, self.meaning.setdefault(name, {})
        url = f"http://there/${{ execution.input.script }}/{name}" + ("/${ index }" if in_map else "")
        match kind:
            case "http":
                bound = {"timeoutSeconds": draw.choice((2, 10, 40))} if draw.random() < 0.3 else {}
                return self._call(name, in_map) | bound
            case "pass":
                meaning["output"] = ("const", {"at": name})
                return {"type": "pass", "output": {"at": name}, "stash": {"last": name}}
            case "wait":
                meaning["seconds"] = draw.choice((0, 0.5, 3, 60, 900, 1200))
                return {"type": "wait", "seconds": meaning["seconds"]}
            case "human":
                return {"type": "human", "title": "well?", "inputSchema": {"type": "integer"}, **self._patience()}
            case "callback":
                beat = {"heartbeatSeconds": draw.choice((30, 400, 2000))} if draw.random() < 0.4 else {}
                call = {"http": {"method": "POST", "url": url, "body": {"token": "${ task.token }"}}}
                return {"type": "callback", "via": call, **self._patience(), **beat}
            case "signal":
                return {"type": "signal", "name": draw.choice(("red", "blue")), **self._patience()}
            case "execute":
                waits = draw.random() < 0.85
                meaning["kid"] = waits
                given = {"script": "${ execution.input.script }", "k": 1, "name": name}
                return {"type": "execute", "definition": self.kid, "input": given, "wait": waits, **self._patience()}
            case "fail":
                return {"type": "fail", "error": "Author.SaidSo"}
            case "parallel":
                return self._parallel(meaning, level, in_map)
        return self._map(meaning, level)

    def _call(self, name: str, in_map: bool) -> dict[str, Any]:
        """Return a call of the other side: http for the most part."""
        place = ["${ execution.input.script }", name, *(["${ index }"] if in_map else [])]
        match zlib.crc32(f"{self.number}/{name}".encode()) % 5:
            case 0:
                return {"type": "lambda", "function": PLACES.join(place), "output": "${ output.body.n }"}
            case 1:
                sent = {"message": {"at": "${ input }"}, "output": "${ output.messageId }"}
                return {"type": "queue", "queue": PLACES.join(place), **sent}
        return {"type": "http", "url": "http://there/" + "/".join(place), "output": "${ output.body.n }"}

    def _patience(self) -> dict[str, Any]:
        draw = self.draw
        return {"timeoutSeconds": draw.choice((1, 20, 700, 2000))} if draw.random() < 0.35 else {}

    def _parallel(self, meaning: Meaning, level: int, in_map: bool) -> dict[str, Any]:
        branches = [{"steps": self.steps(level + 1, in_map)} for _ in range(self.draw.choice((1, 2, 2, 3)))]
        meaning["inner"] = [[step["id"] for step in branch["steps"]] for branch in branches]
        return {"type": "parallel", "branches": branches, **self._patience()}

    def _map(self, meaning: Meaning, level: int) -> dict[str, Any]:
        draw = self.draw
        steps = self.steps(level + 1, in_map=True)
        meaning["inner"] = [[step["id"] for step in steps]]
        meaning["items"] = draw.choice((0, 1, 2, 3, 5, 7, 12) if level == 1 else (1, 2, 4))
        items = [{"i": i} for i in range(meaning["items"])]
        spec: dict[str, Any] = {"type": "map", "items": items, "steps": steps}
        if draw.random() < 0.4:
            spec["maxConcurrency"] = meaning["quota"] = draw.choice((1, 2, 3, 5))
        if draw.random() < 0.4:
            spec["toleratedFailurePercentage"] = meaning["tolerated"] = draw.choice((20, 50, 100))
        return spec | self._patience()

    def _errors(self, step: dict[str, Any], later: list[str]) -> None:
        draw = self.draw
        if step["type"] in ("fail", "pass", "wait"):
            return
        if draw.random() < 0.35:
            policy = {"errors": draw.sample(TASK_PATTERNS, 2), "maxAttempts": draw.choice((2, 3))}
            step["retry"] = [policy | {"intervalSeconds": draw.choice((0, 1, 30))}]
        if later and draw.random() < 0.4:
            step["catch"] = [{"errors": draw.sample(TASK_PATTERNS, 2), "next": draw.choice(later)}]


_LEAVES = ("http", "http", "http", "pass", "wait", "human", "signal", "callback", "fail")
_INNER = (*_LEAVES, "execute", "parallel", "map", "http")
_OUTER = ("http", "parallel", "map", "map", "execute", "human", "signal", "callback", "parallel")


@lru_cache(maxsize=8192)
def tree(number: int) -> TreeScenario:
    """Return a scenario by its number; the same in every process."""
    draw = Random(f"tree {number}")
    kid = _kid(number)
    author = _Author(draw, kid.definition.id, number)
    document: dict[str, Any] = {"id": f"t{number}", "steps": author.steps(1, in_map=False)}
    if draw.random() < 0.2:
        document["timeoutSeconds"] = draw.choice((5, 100, 1000, 5000))
    width = draw.choice((2, 3, 3, 40))
    return TreeScenario(number, document, _parsed(document), author.meaning, kid, width)


def _kid(number: int) -> Scenario:
    author = _Author(Random(f"kid {number}"), None, number)
    document: dict[str, Any] = {"id": f"k{number}", "steps": author.steps(MOST_LEVELS, in_map=False)}
    return Scenario(number, document, _parsed(document), author.meaning)


def _parsed(document: dict[str, Any]) -> Definition:
    return parse(document, version=1)

"""Generated definitions, and what their steps mean as plain data, so that the reference needs no expressions."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from chalicelib.engine.definition import Definition, parse

TENANT = "t"
SHORT_SECONDS = (0, 0.5, 1, 3, 20, 60, 300, 900)
LONG_SECONDS = (901, 1200, 3600, 90_000)
CHAINS = 1500
"""Scenarios with numbers below are chains of outside calls, where an invocation does most."""
ERRORS = ("Http.500", "Http.503", "Http.404", "Http.ConnectionFailed", "Task.Timeout")
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("http", {"url": "http://there/${ execution.input.script }"}),
    ("http", {"url": "http://there/${ execution.input.script }", "headers": {"x-key": "${ secrets.key }"}}),
    ("lambda", {"function": "${ execution.input.script }"}),
    ("queue", {"queue": "${ execution.input.script }", "message": {"at": "${ input }"}, "delaySeconds": 3}),
)
"""How outside calls are written; what comes of them is scripted alike."""
PATTERNS = (
    "*",
    "Http",
    "Http.5xx",
    "Http.4xx",
    "Http.404",
    "Task.Timeout",
    "Expression.Failed",
    "Sedo",
    "Choice.NoMatch",
)

SAME = {"input": "${ not_null(input) }"}
"""Makes a step's input of what it received, with some work, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one outside call ends, and after how long. `poison` breaks the processor itself."""

    error: str | None
    takes_ms: int
    poison: bool = False


@lru_cache(maxsize=4096)
def answer_of(script: str, visit: int, attempt: int, timeout_seconds: float) -> Answer:
    """Return the scripted answer: the same for the same attempt, whoever asks and how often."""
    draw = Random(zlib.crc32(f"{script}/{visit}/{attempt}".encode()))
    if script.startswith("p") and zlib.crc32(f"{script}/{visit}".encode()) % 7 == 0:
        return Answer(None, 30, poison=True)
    takes = int(draw.random() * 400) if draw.random() < 0.9 else int(min(timeout_seconds, 25) * 1000 * draw.random())
    if draw.random() < 0.65:
        return Answer(None, takes)
    error = draw.choice(ERRORS)
    return Answer(error, min(int(timeout_seconds * 1000), 30_000) if error == "Task.Timeout" else takes)


def same_input(number: int, step: str) -> dict[str, Any]:
    """Return the `input` of a step of a scenario: one in three says how it is made."""
    return SAME if zlib.crc32(f"input/{number}/{step}".encode()) % 3 == 0 else {}


def result_of(kind: str, visit: int) -> dict[str, Any]:
    """Return what a call of a type brings when it goes well."""
    return {"messageId": f"m{visit}"} if kind == "queue" else {"status": 200, "headers": {}, "body": {"visit": visit}}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A definition with the meaning of its steps.

    `meaning[step]` may hold: `output` (see `Value`), `stash` (name → Value), `input` (Value), `broken` (its expression
    fails), `seconds` (a wait), `arms` ((Condition, target), …), `default`.
    """

    number: int
    document: dict[str, Any]
    definition: Definition
    meaning: dict[str, dict[str, Any]]


Value = tuple[Any, ...]
"""("const", v) · ("visit-of-body",) · ("message-id",) · ("count", name): one more than stash.name · ("stash",) ·
("error",): its name."""


@dataclass
class _Author:
    """Writes one definition."""

    draw: Random
    meaning: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int = 0

    def document(self, number: int) -> dict[str, Any]:
        draw = self.draw
        count = draw.choice((1, 2, 3, 3, 4, 5, 6, 8))
        names = [f"s{i}" for i in range(count)]
        exits = [name for name in ("good", "bad") if draw.random() < 0.4]
        kinds = draw.choice(_MIXES if number >= CHAINS else _MIXES[:2])
        steps = [self._step(i, names, exits, draw.choice(kinds)) for i in range(count)]
        used = {target for step in steps for target in _targets(step)}
        steps += [self._exit(name) for name in exits if name in used]
        document: dict[str, Any] = {"id": f"d{number}", "steps": steps}
        document["maxTransitions"] = draw.choice((4, 8, 12, 12, 20, 40))
        if draw.random() < 0.25:
            document["timeoutSeconds"] = draw.choice((2, 20, 100, 700, 2000, 5000))
        if draw.random() < 0.5:
            document["output"] = "${ stash }"
        return document

    def _exit(self, name: str) -> dict[str, Any]:
        meaning = self.meaning.setdefault(name, {})
        if name == "bad":
            return {"id": name, "type": "fail", "error": "Author.SaidSo", "cause": "on purpose"}
        step: dict[str, Any] = {"id": name, "type": "succeed"}
        if self.draw.random() < 0.5:
            step["output"] = "${ stash }"
            meaning["output"] = ("stash",)
        return step

    def _step(self, i: int, names: list[str], exits: list[str], kind: str) -> dict[str, Any]:
        draw = self.draw
        last = i == len(names) - 1
        step: dict[str, Any] = {"id": names[i], "type": kind}
        meaning = self.meaning.setdefault(names[i], {})
        if kind == "choice" and last:
            step["type"] = kind = "pass"
        if kind != "choice":
            step |= {"end": True} if last else {"next": names[i + 1]}
        writers = {"echo": self._echo, "wait": self._wait, "http": self._http, "pass": self._pass}
        if kind == "choice":
            self._choice(step, meaning, i, names, exits)
        else:
            writers[kind](step, meaning)
        counts = any(condition[0] == "below" for condition, _ in meaning.get("arms", ()))
        if draw.random() < (0.97 if counts else 0.3):
            step["stash"] = {f"c{i}": f"${{ sum([not_null(stash.c{i}, `0`), `1`]) }}"}
            meaning["stash"] = {f"c{i}": ("count", f"c{i}")}
        self._errors(step, meaning, i, names, exits)
        return same_input(self.number, names[i]) | step

    def _echo(self, step: dict[str, Any], meaning: dict[str, Any]) -> None:
        step["message"] = "at ${ execution.input.k }"
        if self.draw.random() < 0.08:
            step["message"] = "${ abs('no number') }"
            meaning["broken"] = True

    def _pass(self, step: dict[str, Any], meaning: dict[str, Any]) -> None:
        if self.draw.random() < 0.5:
            step["output"] = meaning_of = self.draw.choice(("plain", 7, {"a": [1, 2]}, "x" * 700))
            meaning["output"] = ("const", meaning_of)
        if self.draw.random() < 0.2:
            step["input"] = {"fresh": True}
            meaning["input"] = ("const", {"fresh": True})

    def _wait(self, step: dict[str, Any], meaning: dict[str, Any]) -> None:
        seconds = self.draw.choice(SHORT_SECONDS if self.draw.random() < 0.75 else LONG_SECONDS)
        step["seconds"] = meaning["seconds"] = seconds
        if self.draw.random() < 0.15:
            step["timeoutSeconds"] = self.draw.choice((2, 100, 1000, 100_000))

    def _http(self, step: dict[str, Any], meaning: dict[str, Any]) -> None:
        kind, place = CALLS[zlib.crc32(f"{self.number}/{step['id']}".encode()) % len(CALLS)]
        step["type"] = kind
        step |= place
        if self.draw.random() < 0.4:
            step["timeoutSeconds"] = self.draw.choice((2, 10, 40))
        if self.draw.random() < 0.5:
            where, value = ("messageId", "message-id") if kind == "queue" else ("body.visit", "visit-of-body")
            step["output"] = f"${{ output.{where} }}"
            meaning["output"] = (value,)

    def _choice(
        self, step: dict[str, Any], meaning: dict[str, Any], i: int, names: list[str], exits: list[str]
    ) -> None:
        arms: list[tuple[tuple[Any, ...], str]] = []
        texts: list[dict[str, str]] = []
        for _ in range(self.draw.choice((1, 1, 2))):
            target = self.draw.choice(names[:i] + names[i + 1 :] + exits)
            if target in names[: i + 1] or self.draw.random() < 0.5:
                limit = self.draw.choice((1, 2, 3))
                arms.append((("below", f"c{i}", limit), target))
                texts.append({"when": f"${{ not_null(stash.c{i}, `0`) < `{limit}` }}", "next": target})
            else:
                limit = self.draw.randrange(10)
                arms.append((("k-below", limit), target))
                texts.append({"when": f"${{ execution.input.k < `{limit}` }}", "next": target})
        step["choices"] = texts
        meaning["arms"] = arms
        if self.draw.random() < 0.9 or names[i + 1] not in [target for _, target in arms]:
            step["default"] = meaning["default"] = names[i + 1]

    def _errors(
        self, step: dict[str, Any], meaning: dict[str, Any], i: int, names: list[str], exits: list[str]
    ) -> None:
        draw = self.draw
        if draw.random() < 0.4:
            policy: dict[str, Any] = {"errors": draw.sample(PATTERNS, 2), "maxAttempts": draw.choice((1, 2, 3, 4))}
            policy["intervalSeconds"] = draw.choice((0, 0.2, 1, 1, 30, 1000))
            if draw.random() < 0.3:
                policy["jitter"] = "full"
            step["retry"] = [policy]
        if draw.random() < 0.4:
            entry: dict[str, Any] = {"errors": draw.sample(PATTERNS, 2), "next": draw.choice(names[i:] + exits)}
            if draw.random() < 0.5:
                entry["stash"] = {"problem": "${ error.name }"}
                meaning["catch_stash"] = {"problem": ("error",)}
            step["catch"] = [entry]


_MIXES = (
    ("http",),
    ("http", "http", "wait"),
    ("echo", "wait", "http"),
    ("wait",),
    ("echo", "pass", "choice", "http", "wait"),
    ("choice", "http", "pass"),
    ("choice", "wait", "echo"),
    ("pass", "echo", "choice"),
)


def _targets(step: dict[str, Any]) -> list[str]:
    arms = [arm["next"] for arm in step.get("choices", [])]
    return arms + [entry["next"] for entry in step.get("catch", [])]


@lru_cache(maxsize=8192)
def scenario(number: int) -> Scenario:
    """Return a scenario by its number; the same in every process."""
    author = _Author(Random(f"scenario {number}"), number=number)
    document = author.document(number)
    return Scenario(number, document, parse(document, version=1), author.meaning)

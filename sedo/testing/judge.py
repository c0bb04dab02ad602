"""What a run came to, beside what its case expects."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import pointer
from chalicelib.engine.execution import Execution
from sedo.testing.cases import Case, long_state
from sedo.testing.trail import Way, written_like

NOTHING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise: its JSON Pointer in the test file, a sentence, and lines of a diff."""

    at: str
    message: str
    diff: tuple[str, ...] = ()


def differences(case: Case, head: Execution, way: Way) -> Iterator[Difference]:
    """Yield all that is not as it was expected."""
    expect, at = case.expect, f"{case.at}/expect"
    if "state" in expect and long_state(expect["state"]) != head.state.value:
        why = f": {head.error['name']}: {head.error['cause']}" if head.error else ""
        yield Difference(f"{at}/state", f"state: expected {long_state(expect['state'])}, found {head.state.value}{why}")
    if "path" in expect:
        found = written_like(way, expect["path"])
        if not values.equal(found, expect["path"]):
            yield _differs(f"{at}/path", "path", expect["path"], found)
    if "output" in expect and not values.equal(head.output, expect["output"]):
        yield _differs(f"{at}/output", "output", expect["output"], head.output)
    for name, wanted in expect.get("stash", {}).items():
        found = head.stash.get(name, NOTHING)
        if found is NOTHING:
            yield Difference(at + pointer("stash", name), f"stash: nothing is kept under {name}")
        elif not values.equal(found, wanted):
            yield _differs(at + pointer("stash", name), f"stash.{name}", wanted, found)
    if "error" in expect:
        yield from _error(expect["error"], head.error, f"{at}/error")
    yield from _seconds(expect.get("seconds", {}), seconds_of(head), f"{at}/seconds")


def seconds_of(head: Execution) -> float:
    """Return how long an ended execution took."""
    return ((head.ended_at_ms or head.started_at_ms) - head.started_at_ms) / 1000


def _error(wanted: dict[str, str], found: dict[str, Any] | None, at: str) -> Iterator[Difference]:
    """Compare what is given: name and step must be equal, the cause must hold the given text."""
    if found is None:
        yield Difference(at, f"error: expected {wanted.get('name', 'one')}, and there is none")
        return
    for name, value in wanted.items():
        is_there = value in str(found[name]) if name == "cause" else value == found[name]
        if not is_there:
            yield Difference(f"{at}/{name}", f"error.{name}: expected {value!r}, found {found[name]!r}")


def _seconds(wanted: dict[str, float], found: float, at: str) -> Iterator[Difference]:
    if found < wanted.get("atLeast", found):
        yield Difference(f"{at}/atLeast", f"seconds: expected at least {wanted['atLeast']}, found {found}")
    if found > wanted.get("atMost", found):
        yield Difference(f"{at}/atMost", f"seconds: expected at most {wanted['atMost']}, found {found}")


def _differs(at: str, what: str, expected: Any, found: Any) -> Difference:
    short = f"{what}: expected {values.text(expected)}, found {values.text(found)}"
    if len(short) <= 100:
        return Difference(at, short)
    lines = difflib.unified_diff(_lines(expected), _lines(found), "expected", "found", lineterm="", n=2)
    return Difference(at, f"{what} is not as expected", tuple(lines))


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()

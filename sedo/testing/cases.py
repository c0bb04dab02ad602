"""Test files as data: cases, what they expect, and the answers that stand in for the outside world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.engine.errors import pointer
from sedo.testing.schema import STATES

EVERY_ITEM = "*"


class Stopped(BaseException):
    """A run cannot go on; `at` is the JSON Pointer in the test file that it is about.

    It is no Exception, so that no guard on the way takes it for an error that it knows.
    """

    def __init__(self, message: str, at: str) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


@dataclass(frozen=True, slots=True)
class Entry:
    """One mocked answer, which `times` attempts get (None: all that follow); `at` is its JSON Pointer.

    `error` is (name, cause). With `arrivals` the answer depends on how many calls have come, else on the attempt alone.
    `call` is how the call of a `callback` ends that hands out the task. `request` is what must be asked for, in part.
    """

    at: str = ""
    output: Any = None
    error: tuple[str, str] | None = None
    after_seconds: float = 0.0
    never: bool = False
    times: int | None = 1
    request: Mapping[str, Any] | None = None
    call: Entry | None = None
    heartbeats: tuple[float, ...] = ()
    arrivals: tuple[Entry, ...] = ()
    generic: bool = False


Mocks = Mapping[str, Mapping[str, Sequence[Entry]]]
"""Step → item (`0`, `1/0`, or `*`) → answers in order."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that somebody sends some time after the start."""

    name: str
    after_seconds: float
    payload: Any


@dataclass(frozen=True, slots=True)
class Case:
    """One run to be tried, and what it should come to (`expect`, as it was written)."""

    name: str
    at: str = ""
    input: Any = field(default_factory=dict)
    start_ms: int | None = None
    mocks: Mocks = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    cancel: tuple[float, str | None] | None = None
    expect: Mapping[str, Any] = field(default_factory=dict)


def read_case(found: Mapping[str, Any], at: str) -> Case:
    """Return a case whose shape has been checked. Raises ValueError for `at`."""
    cancel = found.get("cancel")
    return Case(
        name=found["name"],
        at=at,
        input=found.get("input", {}),
        start_ms=moment_ms(found["at"]) if "at" in found else None,
        mocks={
            step: _by_item(given, at + pointer("mocks", step)) for step, given in (found.get("mocks") or {}).items()
        },
        signals=tuple(
            Signal(signal["name"], signal.get("after", 0), signal.get("payload")) for signal in found.get("signals", ())
        ),
        cancel=None if cancel is None else (cancel["after"], cancel.get("cause")),
        expect=found["expect"],
    )


def moment_ms(text: str) -> int:
    """Return a time with its zone as milliseconds since the epoch. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("it has no zone")
    return round(moment.timestamp() * 1000)


def first_line(text: str) -> str:
    """Return what a long explanation says first."""
    return text.partition("\n")[0]


def long_state(name: str) -> str:
    """Return the full name of a state."""
    return STATES.get(name, name)


def _by_item(given: Any, at: str) -> dict[str, list[Entry]]:
    if isinstance(given, list):
        return {EVERY_ITEM: _entries(given, at)}
    return {item: _entries(entries, at + pointer("items", item)) for item, entries in given["items"].items()}


def _entries(given: Sequence[Mapping[str, Any]], at: str) -> list[Entry]:
    return [_entry(found, f"{at}/{i}") for i, found in enumerate(given)]


def _entry(found: Mapping[str, Any], at: str) -> Entry:
    error, times = found.get("error"), found.get("times", 1)
    return Entry(
        at=at,
        output=found.get("output"),
        error=None if error is None else (error["name"], error.get("cause", "")),
        after_seconds=found.get("after", 0.0),
        never="never" in found,
        times=None if times == "any" else times,
        request=found.get("request"),
        call=_entry(found["call"], f"{at}/call") if "call" in found else None,
        heartbeats=tuple(found.get("heartbeats", ())),
        arrivals=tuple(_entry(one, f"{at}/arrivals/{i}") for i, one in enumerate(found.get("arrivals", ()))),
        generic=not {"output", "error", "never", "arrivals"} & set(found),
    )

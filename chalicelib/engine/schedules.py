"""`schedule:` of a definition: what it says is checked, down to the input, and compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.checks import shown
from chalicelib.engine.errors import Problem
from chalicelib.engine.hints import hint
from chalicelib.engine.recurrence import Cron, Every, cron_flaw, zone_names
from chalicelib.engine.schemas import InputSchema

MIN_SECONDS = 60
MAX_SECONDS = 366 * 86_400
MAX_INPUT_BYTES = 65_536
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_RATE_EXPECTED = "a whole number and s, m, h or d, like 15m"
_CRON_EXPECTED = "minute hour day-of-month month day-of-week, like 0 6 * * 1-5"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry: when it starts executions, and with which input."""

    recurrence: Cron | Every
    input: Any


def compile_schedules(
    document: Mapping[str, Any], bad: set[str], schema: InputSchema, problems: list[Problem]
) -> tuple[Schedule, ...]:
    """Compile the entries of `schedule`; `bad` has the paths of what has a wrong shape."""
    entries = document.get("schedule", [])
    if not isinstance(entries, list) or "/schedule" in bad:
        return ()
    whole = not any(path.startswith("/schedule/") for path in bad)
    compiled = []
    for i, entry in enumerate(entries):
        found = list(_problems(entry, f"/schedule/{i}", schema, bad)) if isinstance(entry, dict) else []
        problems += found
        if whole and not found:
            compiled.append(Schedule(_recurrence(entry), entry.get("input", {})))
    return tuple(compiled)


def _recurrence(entry: Mapping[str, Any]) -> Cron | Every:
    if "every" in entry:
        return Every(_seconds(entry["every"]) or MIN_SECONDS)
    return Cron(entry["cron"], entry.get("timezone", "UTC"))


def _problems(entry: Mapping[str, Any], path: str, schema: InputSchema, bad: set[str]) -> Iterator[Problem]:
    found = [name for name in ("cron", "every") if name in entry]
    if len(found) != 1:
        yield Problem(path, "a schedule needs either cron or every", found=found, expected=["cron", "every"])
    entry = {name: value for name, value in entry.items() if f"{path}/{name}" not in bad}
    if "every" in entry:
        yield from _every_problems(entry, path)
    if "cron" in entry:
        flaw = cron_flaw(entry["cron"])
        if flaw is not None:
            yield Problem(f"{path}/cron", f"not a cron expression: {flaw}", shown(entry["cron"]), _CRON_EXPECTED)
    yield from _zone_problems(entry, path)
    yield from _input_problems(entry, path, schema)


def _every_problems(entry: Mapping[str, Any], path: str) -> Iterator[Problem]:
    text = entry["every"]
    seconds = _seconds(text)
    if seconds is None:
        yield Problem(f"{path}/every", f"expected {_RATE_EXPECTED}, found {shown(text)!r}", shown(text), _RATE_EXPECTED)
    elif not MIN_SECONDS <= seconds <= MAX_SECONDS:
        yield Problem(f"{path}/every", f"expected 1m to 366d, found {text}", text, "1m to 366d")
    if "timezone" in entry:
        message = "a timezone belongs to cron: the ticks of every are counted in UTC"
        yield Problem(f"{path}/timezone", message, shown(entry["timezone"]), "no timezone")


def _seconds(text: str) -> int | None:
    found = _RATE.fullmatch(text)
    return None if found is None else int(found[1]) * _UNIT_SECONDS[found[2]]


def _zone_problems(entry: Mapping[str, Any], path: str) -> Iterator[Problem]:
    name = entry.get("timezone", "UTC")
    if name not in zone_names():
        message = f"unknown time zone {shown(name)!r}{hint(name, zone_names())}"
        yield Problem(f"{path}/timezone", message, shown(name), "a name of the IANA database, like Europe/Vienna")


def _input_problems(entry: Mapping[str, Any], path: str, schema: InputSchema) -> Iterator[Problem]:
    given = entry.get("input", {})
    try:
        values.measure(given, "the input", MAX_INPUT_BYTES)
    except values.Unfit as error:
        yield Problem(f"{path}/input", str(error), shown(given), f"at most {MAX_INPUT_BYTES} bytes of JSON")
        return
    text = schema.problem(given)
    if text is not None:
        what = "the input" if "input" in entry else "an input is missing: {}"
        message = f"{what} does not pass inputSchema: {text.partition(chr(10))[0]:.500}"
        yield Problem(f"{path}/input", message, shown(given), "a value that passes inputSchema")

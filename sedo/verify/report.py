"""What a sweep found, as a document and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.api.cost import prices
from sedo.cli.output import duration
from sedo.testing.command import counted, path_text
from sedo.verify.runs import Done
from sedo.verify.scenarios import Scenario
from sedo.verify.sweep import Otherwise, Swept

PER = 1000
"""Prices are shown for so many executions: one alone is too little to read."""
LONGEST_TRACE = 60
LONGEST_PATH = 300


def document(name: str, swept: Swept, definition: dict[str, Any]) -> dict[str, Any]:
    """Return all that was found."""
    runs = [_run(scenario, done) for scenario, done in swept.undisturbed]
    return {
        "definition": name,
        "same": swept.same,
        "scenarios": {"source": swept.scenarios.source, "runs": runs},
        "broken": [
            {"scenario": scenario.name, "message": done.stopped.message, "path": done.stopped.at}
            for scenario, done in swept.broken
            if done.stopped is not None
        ],
        "notTaken": [{"step": step, "route": route} for step, route in swept.scenarios.missed],
        "sweep": {"runs": swept.made, "possible": swept.possible, "kinds": dict(swept.kinds)},
        "endedOtherwise": swept.others_count,
        "timedOut": swept.late_count,
        "shortest": [_other(other) for other in swept.others],
        "outside": swept.outside.document(definition),
        "longestPath": max(runs, key=lambda one: one["visits"], default=None),
        "dearestPath": max(runs, key=lambda one: one["usd"]["sedo"], default=None),
        "prices": {word: prices()[word] for word in ("region", "date", "currency")},
    }


def _run(scenario: Scenario, done: Done) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "state": done.ending["state"],
        "visits": done.visits,
        "seconds": done.seconds,
        "path": done.ending["path"],
        "ioCalls": len([site for site in done.sites if site != "deliver"]),
        "usd": dict(done.bill),
    }


def _other(other: Otherwise) -> dict[str, Any]:
    return {
        "scenario": other.scenario,
        "fault": other.planned.text,
        "late": other.late,
        "expected": other.expected,
        "found": other.found,
        "trace": other.trace,
    }


def text(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines for people, each with a style."""
    sweep, runs = found["sweep"], found["scenarios"]["runs"]
    yield found["definition"], "bold"
    yield f"  {counted(len(runs), 'run')}: {found['scenarios']['source']}", ""
    for broken in found["broken"]:
        yield f"  CANNOT RUN  {broken['scenario']}: {broken['message']}", "red"
    part = "" if sweep["runs"] == sweep["possible"] else f" of {sweep['possible']} possible, spread evenly"
    kinds = ", ".join(f"{sweep['kinds'][kind]} {words}" for kind, words in _KINDS.items() if kind in sweep["kinds"])
    yield f"  {counted(sweep['runs'], 'disturbed run')}{part}: {kinds}", ""
    if found["endedOtherwise"]:
        yield f"  DIFFERENT  {found['endedOtherwise']} of them end otherwise than the undisturbed run", "red"
    elif sweep["runs"]:
        yield "  SAME  all end as the undisturbed run does" + (", timeouts apart" if found["timedOut"] else ""), "green"
    if found["timedOut"]:
        yield (
            f"  {found['timedOut']} of them end otherwise because time ran out elsewhere, while sedo recovered",
            "yellow",
        )
    for other in found["shortest"]:
        yield from _shortest(other)
    yield from _outside(found["outside"])
    if runs:
        yield from _paths(found)
    missed = [f"{one['step']} {one['route'] or 'end'}" for one in found["notTaken"]]
    if missed:
        yield f"  not taken by made-up answers (a test file would): {', '.join(missed)}", "yellow"


_KINDS = {
    "crash": "with a crash before an I/O call",
    "crash_after": "after one",
    "duplicate": "with messages doubled",
    "late": "with messages late",
}


def _shortest(other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    title = "a timeout that struck" if other["late"] else "the shortest that ends otherwise"
    yield f"  {title}: {other['scenario']}, {other['fault']}", ""
    for word in dict.fromkeys([*other["expected"], *other["found"]]):
        expected, found = other["expected"].get(word), other["found"].get(word)
        if expected != found:
            yield f"    {word}: undisturbed {_short(expected)}, then {_short(found)}", ""
    if other["late"]:
        return
    for line in other["trace"][:LONGEST_TRACE]:
        yield f"    {line[:200]}", "dim"
    if len(other["trace"]) > LONGEST_TRACE:
        yield f"    … {len(other['trace']) - LONGEST_TRACE} more lines (--json has all)", "dim"


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False), 120)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _outside(called: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if called:
        yield "  outside calls", ""
    for one in called:
        if "why" in one:
            yield f"    {one['step']}: never twice: {one['why']}", ""
            continue
        often = f"one attempt arrived up to {one['mostArrivals']} times" if one["twice"] else "no double was seen"
        told = "it only reads" if one["readsOnly"] else f"told apart by {one['key']}" if one["key"] else "NO KEY"
        yield f"    {one['step']}: {one['whom']}: {often}; {told}", "" if one["key"] or one["readsOnly"] else "red"


def _paths(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for title, word in (("longest", "longestPath"), ("dearest", "dearestPath")):
        one = found[word]
        path = _cut(path_text(one["path"]), LONGEST_PATH)
        yield (
            f"  {title} path: {one['visits']} steps, {duration(one['seconds'])}: {path}",
            "",
        )
    where = found["prices"]
    title = f"USD per {PER:,} executions ({where['region']}, {where['date']})"
    yield f"  {title}, beside Step Functions Standard and Express", ""
    yield f"  {'sedo':>9} {'Standard':>9} {'Express':>9}", "dim"
    for one in found["scenarios"]["runs"]:
        usd = one["usd"]
        express = "too long" if usd["stepFunctionsExpress"] is None else f"{usd['stepFunctionsExpress'] * PER:.4f}"
        prices_text = f"{usd['sedo'] * PER:9.4f} {usd['stepFunctionsStandard'] * PER:9.4f} {express:>9}"
        yield f"  {prices_text}  {one['name']}", ""

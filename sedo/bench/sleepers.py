"""Workflows of `n` functions that sleep, in sequence or in parallel, for sedo and in Amazon States Language."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.engine.fanout import WIDTH
from sedo.bench.definitions import Definition, chain

SHAPES = ("sequence", "parallel")
WORKS = ("call", "wait")
"""What sleeps: a server that is called, as in the paper, or the orchestrator itself."""


def definition(shape: str, work: str, n: int, sleep_seconds: int, url: str) -> Definition:
    """Return the definition for sedo; more than WIDTH are a `map`, for a `parallel` has no more branches."""
    name = f"{shape}-{work}-{n}"
    fields: dict[str, Any] = {"type": "http", "url": f"{url}sleep/{sleep_seconds}"}
    if work == "wait":
        fields = {"type": "wait", "seconds": sleep_seconds}
    if shape == "sequence":
        return chain(name, n, fields)
    return {"id": name, "steps": [{"id": "fan", **_fan(fields, n), "output": "done", "end": True}]}


def _fan(fields: dict[str, Any], n: int) -> dict[str, Any]:
    if n > WIDTH:
        step = {"id": "each", **fields, "output": "done", "end": True}
        return {"type": "map", "items": list(range(n)), "steps": [step]}
    branches = [{"steps": [{"id": f"s{i}", **fields, "output": "done", "end": True}]} for i in range(n)]
    return {"type": "parallel", "branches": branches}


def state_machine(shape: str, n: int, sleep_seconds: int) -> str:
    """Return the same as `Wait` states, the one thing that both emulators can sleep with."""
    wait = {"Type": "Wait", "Seconds": sleep_seconds}
    if shape == "sequence":
        states = {f"s{i}": {**wait, **({"Next": f"s{i + 1}"} if i + 1 < n else {"End": True})} for i in range(n)}
        return json.dumps({"StartAt": "s0", "States": states})
    branches = [{"StartAt": f"s{i}", "States": {f"s{i}": {**wait, "End": True}}} for i in range(n)]
    fan = {"Type": "Parallel", "Branches": branches, "End": True}
    return json.dumps({"StartAt": "fan", "States": {"fan": fan}})


def slept_seconds(shape: str, n: int, sleep_seconds: int) -> int:
    """Return what the functions need by themselves; all else is overhead."""
    return n * sleep_seconds if shape == "sequence" else sleep_seconds

"""The workflows that are measured, as sedo definitions and as Amazon States Language."""

from __future__ import annotations

import json
from typing import Any

Definition = dict[str, Any]


def chain(name: str, steps: int, fields: dict[str, Any]) -> Definition:
    """Return `steps` steps that all have the same fields, one after the other."""
    return {
        "id": name,
        "steps": [
            {"id": f"s{i}", **fields, **({"next": f"s{i + 1}"} if i + 1 < steps else {"end": True})}
            for i in range(steps)
        ],
    }


def pure(steps: int) -> Definition:
    """Return a chain that only passes its input on."""
    return chain(f"pure-{steps}", steps, {"type": "pass"})


def effect(steps: int, url: str) -> Definition:
    """Return a chain in which every step is one GET."""
    return chain(f"effect-{steps}", steps, {"type": "http", "url": url})


def wait(seconds: int) -> Definition:
    """Return a wait between two echoes."""
    return {
        "id": f"wait-{seconds}",
        "steps": [
            {"id": "before", "type": "echo", "message": "before", "next": "waiting"},
            {"id": "waiting", "type": "wait", "seconds": seconds, "next": "after"},
            {"id": "after", "type": "echo", "message": "after", "end": True},
        ],
    }


def human() -> Definition:
    """Return one task for a person, whose answer is checked."""
    step = {"id": "approve", "type": "human", "title": "Approve?", "inputSchema": {"type": "object"}, "end": True}
    return {"id": "human", "steps": [step]}


def branches(count: int, url: str) -> Definition:
    """Return a `parallel` each of whose branches is one GET."""
    lists = [{"steps": [{"id": f"s{i}", "type": "http", "url": url, "end": True}]} for i in range(count)]
    return {"id": f"branches-{count}", "steps": [{"id": "fan", "type": "parallel", "branches": lists, "end": True}]}


def parent(child: Definition) -> Definition:
    """Return a step that runs another definition and waits for its end."""
    return {
        "id": f"parent-of-{child['id']}",
        "steps": [{"id": "run", "type": "execute", "definition": child["id"], "end": True}],
    }


def pure_map() -> Definition:
    """Return a map over `items` of the input that hands each item on."""
    return _map("pure-map", {"type": "pass"})


def effect_map(url: str) -> Definition:
    """Return a map over `items` of the input that makes one GET for each item and keeps its status."""
    return _map("effect-map", {"type": "http", "url": url, "output": "${ output.status }"})


def _map(name: str, fields: dict[str, Any]) -> Definition:
    each = {"id": "each", "type": "map", "items": "${ input.items }", "steps": [{"id": "s", **fields, "end": True}]}
    return {"id": name, "steps": [{**each, "output": "${ length(output) }", "end": True}]}


def pass_states(steps: int) -> str:
    """Return the chain of `pure` as a state machine."""
    states = {
        f"s{i}": {"Type": "Pass", **({"Next": f"s{i + 1}"} if i + 1 < steps else {"End": True})} for i in range(steps)
    }
    return json.dumps({"StartAt": "s0", "States": states})

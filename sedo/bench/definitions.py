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


def pass_states(steps: int) -> str:
    """Return the chain of `pure` as a state machine."""
    states = {
        f"s{i}": {"Type": "Pass", **({"Next": f"s{i + 1}"} if i + 1 < steps else {"End": True})} for i in range(steps)
    }
    return json.dumps({"StartAt": "s0", "States": states})

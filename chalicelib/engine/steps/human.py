"""`human`: opens a task for a person and waits for the answer, which must pass the step's `inputSchema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Enter, Outcome, Park, StepType

LIMITS = {"title": 1024, "description": 8192}
"""So many characters each text may have, as it is written; filled in, what is beyond them is cut."""


def compile_human(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile what the person reads; schemas are compiled with the step."""
    texts = {name: compiler.template(spec[name], f"/{name}") for name in LIMITS if name in spec}
    roles = list(spec.get("roles", []))

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        held: dict[str, Any] = {"human": True, "roles": roles}
        for name, template in texts.items():
            value = template(scope)
            held[name] = (value if isinstance(value, str) else values.text(value))[: LIMITS[name]]
        return Park("task", held)

    return enter


HUMAN = StepType(
    name="human",
    properties={
        **{name: {"type": "string", "maxLength": limit} for name, limit in LIMITS.items()},
        "roles": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 64},
            "maxItems": 50,
            "uniqueItems": True,
        },
        "inputSchema": {"type": ["object", "boolean"]},
        "uiSchema": {"type": "object"},
    },
    compile=compile_human,
    pure=False,
    answered=True,
)

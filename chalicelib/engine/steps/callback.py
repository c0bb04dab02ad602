"""`callback`: hands out a task's token by a call, and waits until somebody completes or fails that task.

The call is an ordinary one, made before the commit that starts the wait. An answer that comes earlier still counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Enter, Outcome, Park, StepType
from chalicelib.engine.steps.http import HTTP
from chalicelib.engine.steps.lambda_ import LAMBDA
from chalicelib.engine.steps.queue import QUEUE

VIA: dict[str, StepType] = {step_type.name: step_type for step_type in (HTTP, LAMBDA, QUEUE)}


def compile_callback(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile the call as a step of its type would; it may name `task.token` as well."""
    if len(spec["via"]) != 1:
        found = ", ".join(spec["via"]) or "nothing"
        compiler.complain(f"{compiler.path}/via", f"via needs one of {', '.join(VIA)}", found, list(VIA))
        return _nothing
    ((name, call),) = spec["via"].items()
    inner = Compiler(f"{compiler.path}/via/{name}", compiler.complain, compiler.names | {"task"})
    return VIA[name].compile(call, inner)


def _nothing(_scope: Scope, _now_ms: int) -> Outcome:
    return Park("task", {})


def after(_answer: Any) -> Outcome:
    """Wait for the task's answer, whatever the call brought."""
    return Park("task", {"human": False, "roles": []})


def _call_schema(step_type: StepType) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(step_type.properties),
        "required": list(step_type.required),
        "additionalProperties": False,
    }


CALLBACK = StepType(
    name="callback",
    properties={
        "via": {
            "type": "object",
            "properties": {name: _call_schema(step_type) for name, step_type in VIA.items()},
            "additionalProperties": False,
        },
        "heartbeatSeconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 366 * 86_400},
    },
    required=("via",),
    compile=compile_callback,
    pure=False,
    after=after,
    tokens=True,
)

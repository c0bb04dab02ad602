"""`fail`: ends the execution as failed, with an `error` name and a `cause` of the author's choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Enter, Fail, Outcome, StepType

MAX_NAME_LENGTH = 256
MAX_CAUSE_LENGTH = 4096


def compile_fail(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `error`, which must come to text, and `cause`, of which all else is shown as JSON."""
    error = compiler.template(spec["error"], "/error")
    cause = compiler.template(spec.get("cause", ""), "/cause")

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        name, why = error(scope), cause(scope)
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_LENGTH:
            found = f"{values.text(name):.80}"
            return Fail(EXPRESSION_FAILED, f"error must be text of 1 to {MAX_NAME_LENGTH} characters, found {found}")
        return Fail(name, (why if isinstance(why, str) else values.text(why))[:MAX_CAUSE_LENGTH], final=True)

    return enter


FAIL = StepType(
    name="fail",
    properties={
        "error": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH},
        "cause": {"type": "string", "maxLength": MAX_CAUSE_LENGTH},
    },
    refused=("output", "stash", "retry", "catch"),
    required=("error",),
    compile=compile_fail,
    ends=True,
)

"""`fail`: ends the execution as failed, with an `error` name and a `cause` of the author's choice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Enter, Fail, Outcome, StepType


def compile_fail(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `error` and `cause`; what is not text is shown as JSON."""
    error = compiler.template(spec["error"], "/error")
    cause = compiler.template(spec.get("cause", ""), "/cause")

    def enter(scope: Scope, now_ms: int) -> Outcome:
        return Fail(_text(error(scope))[:256], _text(cause(scope))[:4096], final=True)

    return enter


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


FAIL = StepType(
    name="fail",
    properties={"error": {"type": "string", "minLength": 1, "maxLength": 256}, "cause": {"type": "string"}},
    required=("error",),
    compile=compile_fail,
    ends=True,
)

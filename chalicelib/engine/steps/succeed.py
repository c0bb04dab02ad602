"""`succeed`: ends the execution as succeeded, with `output` or what the step received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, End, Enter, Outcome, StepType


def compile_succeed(_spec: Mapping[str, Any], _compiler: Compiler) -> Enter:
    """Nothing of its own to compile: `output` is a common field."""
    return enter


def enter(scope: Scope, _now_ms: int) -> Outcome:
    """End with the step's input as raw result."""
    return End(scope["input"])


SUCCEED = StepType(name="succeed", properties={}, compile=compile_succeed, ends=True)

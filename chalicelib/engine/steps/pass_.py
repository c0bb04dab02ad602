"""`pass`: reshapes data with the common fields `input`, `output` and `stash`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Done, Enter, Outcome, StepType

_DONE = Done()


def compile_pass(_spec: Mapping[str, Any], _compiler: Compiler) -> Enter:
    """A pass has nothing of its own: `output` and `stash` are common fields."""
    return enter


def enter(_scope: Scope, _now_ms: int) -> Outcome:
    """Pass the input on."""
    return _DONE


PASS = StepType(name="pass", properties={}, compile=compile_pass)

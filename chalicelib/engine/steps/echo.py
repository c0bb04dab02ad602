"""`echo`: logs a message into the history and passes its input on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Done, Enter, Outcome, StepType


def compile_echo(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile the `message` template."""
    message = compiler.template(spec["message"], "/message")

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        return Done(details={"message": message(scope)})

    return enter


ECHO = StepType(name="echo", properties={"message": {}}, required=("message",), compile=compile_echo)

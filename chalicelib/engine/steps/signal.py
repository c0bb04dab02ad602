"""`signal`: waits for a named signal; one that was sent before is taken at once, the oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import Compiler, Enter, Outcome, Park, StepType

SIGNAL_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z"


def compile_signal(spec: Mapping[str, Any], _compiler: Compiler) -> Enter:
    """The name is the author's, so that a sender can know it."""
    outcome = Park("signal", {"name": spec["name"]})

    def enter(_scope: Scope, _now_ms: int) -> Outcome:
        return outcome

    return enter


SIGNAL = StepType(
    name="signal",
    properties={"name": {"type": "string", "pattern": SIGNAL_NAME}},
    required=("name",),
    compile=compile_signal,
    pure=False,
)

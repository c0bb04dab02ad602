"""`parallel`: several lists of steps side by side; goes on with the list of their last outputs when all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.expressions import Scope
from chalicelib.engine.steps.base import STEPS, Compiler, Enter, Fan, Outcome, StepType

MAX_BRANCHES = 40


def compile_parallel(spec: Mapping[str, Any], _compiler: Compiler) -> Enter:
    """Nothing of its own to compile: the branches' steps are compiled as steps."""
    count = len(spec["branches"])

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        return Fan([scope["input"]] * count)

    return enter


def lists(spec: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the steps of each branch."""
    return [(f"/branches/{i}/steps", branch["steps"]) for i, branch in enumerate(spec["branches"])]


_BRANCH = {"type": "object", "properties": {"steps": STEPS}, "required": ["steps"], "additionalProperties": False}
PARALLEL = StepType(
    name="parallel",
    properties={"branches": {"type": "array", "items": _BRANCH, "minItems": 1, "maxItems": MAX_BRANCHES}},
    required=("branches",),
    compile=compile_parallel,
    pure=False,
    lists=lists,
)

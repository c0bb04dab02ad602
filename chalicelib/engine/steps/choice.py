"""`choice`: the first `when` that holds names the next step, else `default`; else the step fails with Choice.NoMatch.

A `when` holds unless its value is false, null or empty (`""`, `[]`, `{}`), as in JMESPath's own `&&`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.errors import CHOICE_NO_MATCH
from chalicelib.engine.evaluation import holds
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import Compiler, Done, Enter, Fail, Outcome, StepType


def compile_choice(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile every `when`, in order."""
    choices = [
        (compiler.template(arm["when"], f"/choices/{i}/when"), arm["next"]) for i, arm in enumerate(spec["choices"])
    ]
    for i, (when, _) in enumerate(choices):
        if is_constant(when) and isinstance(when({}), str):
            compiler.complain(
                f"{compiler.path}/choices/{i}/when",
                f"expected a condition like ${{ input.x }}, found the text {when({})!r:.80}",
                when({}),
                "a condition",
            )
    default = spec.get("default")

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        for when, target in choices:
            if holds(when(scope)):
                return Done(next=target)
        if default is not None:
            return Done(next=default)
        return Fail(CHOICE_NO_MATCH, "none of the choices holds and there is no default")

    return enter


def targets(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the pointers and names of all steps a choice can lead to."""
    found = [(f"/choices/{i}/next", choice["next"]) for i, choice in enumerate(spec["choices"])]
    return found + ([("/default", spec["default"])] if "default" in spec else [])


_ARM = {
    "type": "object",
    "properties": {"when": {"type": ["string", "boolean"]}, "next": {"type": "string"}},
    "required": ["when", "next"],
    "additionalProperties": False,
}
CHOICE = StepType(
    name="choice",
    properties={
        "choices": {"type": "array", "items": _ARM, "minItems": 1, "maxItems": 100},
        "default": {"type": "string"},
    },
    required=("choices",),
    compile=compile_choice,
    jumps=True,
    targets=targets,
)

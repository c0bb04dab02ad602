"""`map`: the same steps for each of `items`; goes on with the list of their last outputs, in the order of the items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import STEPS, Compiler, Enter, Fail, Fan, Outcome, StepType

MAX_ITEMS = 64_000
_BAD_ITEMS = f"items must be a list of at most {MAX_ITEMS}, found"


def compile_map(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `items`; the steps are compiled as steps."""
    items = compiler.template(spec["items"], "/items")
    if is_constant(items) and not isinstance(items({}), list):
        message = f"{_BAD_ITEMS} {values.text(items({})):.80}"
        compiler.complain(f"{compiler.path}/items", message, items({}), "a list")
    quota = spec.get("maxConcurrency")
    tolerated = spec.get("toleratedFailurePercentage", 0)

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        found = items(scope)
        if not isinstance(found, list) or len(found) > MAX_ITEMS:
            shown = f"{len(found)} items" if isinstance(found, list) else f"{values.text(found):.80}"
            return Fail(EXPRESSION_FAILED, f"{_BAD_ITEMS} {shown}")
        return Fan(found, True, None if quota is None else int(quota), tolerated)

    return enter


def lists(spec: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the steps that each item goes through."""
    return [("/steps", spec["steps"])]


MAP = StepType(
    name="map",
    properties={
        "items": {"type": ["string", "array"]},
        "steps": STEPS,
        "maxConcurrency": {"type": "integer", "minimum": 1, "maximum": MAX_ITEMS},
        "toleratedFailurePercentage": {"type": "number", "minimum": 0, "maximum": 100},
    },
    required=("items", "steps"),
    compile=compile_map,
    pure=False,
    lists=lists,
    list_names=frozenset({"item", "index"}),
)

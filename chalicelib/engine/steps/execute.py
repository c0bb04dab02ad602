"""`execute`: runs another definition as a child, and goes on with its output; or with its id, where nobody waits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import DEFINITION_ID, Call, Compiler, Done, Enter, Fail, Outcome, StepType

_ID = re.compile(DEFINITION_ID)
_EXPECTED = "the id of a definition: lower case letters, digits and -, at most 64"


def compile_execute(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile the definition's name, which may be found out at run time; a constant one is checked here."""
    name = compiler.template(spec["definition"], "/definition")
    if is_constant(name) and _ID.match(name({})) is None:
        found = name({})
        compiler.complain(
            f"{compiler.path}/definition", f"expected {_EXPECTED}, found {found!r:.200}", found, _EXPECTED
        )
    version, waits = spec.get("version"), spec.get("wait", True)

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        definition = name(scope)
        if not isinstance(definition, str):
            return Fail(EXPRESSION_FAILED, f"definition must be an id, found {values.text(definition):.80}")
        request = {"definition": definition, "version": version, "input": scope["input"], "wait": waits}
        return Call("child", request, child=0 if waits else None)

    return enter


def after(child: Any) -> Outcome:
    """Go on with the id of a child that nobody waits for."""
    return Done(value=child["id"], passes=False, child=child["id"])


EXECUTE = StepType(
    name="execute",
    properties={
        "definition": {"type": "string", "minLength": 1, "maxLength": 1024},
        "version": {"type": "integer", "minimum": 1, "maximum": 99_999_999},
        "wait": {"type": "boolean"},
    },
    required=("definition",),
    compile=compile_execute,
    pure=False,
    after=after,
)

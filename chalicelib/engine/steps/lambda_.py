"""`lambda`: invokes a function and waits for its answer, which is the result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import Call, Compiler, Enter, Fail, Outcome, StepType

_NAME = r"[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?"
_EXPECTED = "the name or the ARN of a function"
_FUNCTION = re.compile(rf"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{{12}}:function:)?{_NAME}")


def compile_lambda(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `function`, which must come to a name or an ARN, and `payload`."""
    function = compiler.template(spec["function"], "/function")
    payload = compiler.template(spec.get("payload", "${ input }"), "/payload")
    if is_constant(function) and not _is_function(function({})):
        compiler.complain(f"{compiler.path}/function", _bad(function({})), function({}), _EXPECTED)

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        name = function(scope)
        if not _is_function(name):
            return Fail(EXPRESSION_FAILED, _bad(name))
        return Call("lambda", {"function": name, "payload": payload(scope)})

    return enter


def _is_function(value: Any) -> bool:
    return isinstance(value, str) and _FUNCTION.fullmatch(value) is not None


def _bad(value: Any) -> str:
    return f"expected {_EXPECTED}, found {values.text(value):.200}"


LAMBDA = StepType(
    name="lambda",
    properties={"function": {"type": "string"}, "payload": {}},
    required=("function",),
    compile=compile_lambda,
    pure=False,
    default_timeout_seconds=30,
    max_timeout_seconds=45,
)

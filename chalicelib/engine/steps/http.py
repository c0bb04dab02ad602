"""`http`: calls an API. The result is `{status, headers, body}`; other statuses fail the step with `Http.<status>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import Call, Compiler, Enter, Fail, Outcome, StepType

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TEMPLATES = ("url", "query", "headers", "body", "auth")


def compile_http(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile the parts of the request."""
    parts = {name: compiler.template(spec[name], f"/{name}") for name in _TEMPLATES if name in spec}
    fixed: dict[str, Any] = {"method": spec.get("method", "GET")}
    if "successCodes" in spec:
        fixed["successCodes"] = spec["successCodes"]
    url = parts["url"]
    if is_constant(url) and not _is_url(url({})):
        compiler.complain(
            f"{compiler.path}/url", f"expected a URL that begins with http:// or https://, found {url({})!r:.200}"
        )

    def enter(scope: Scope, now_ms: int) -> Outcome:
        request = fixed | {name: part(scope) for name, part in parts.items()}
        if not _is_url(request["url"]):
            return Fail(EXPRESSION_FAILED, f"url must begin with http:// or https://, found {request['url']!r:.200}")
        return Call("http", request)

    return enter


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


_TEXTS = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_AUTH = {
    "type": "object",
    "oneOf": [{"required": ["bearer"]}, {"required": ["username", "password"]}],
    "properties": {name: {"type": "string"} for name in ("bearer", "username", "password")},
    "additionalProperties": False,
}
_CODE = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[1-5]xx$"}]}
HTTP = StepType(
    name="http",
    properties={
        "method": {"enum": list(METHODS)},
        "url": {"type": "string"},
        "query": _TEXTS,
        "headers": _TEXTS,
        "body": {},
        "auth": _AUTH,
        "successCodes": {"type": "array", "items": _CODE, "minItems": 1},
    },
    required=("url",),
    compile=compile_http,
    pure=False,
    default_timeout_seconds=30,
    max_timeout_seconds=60,
)

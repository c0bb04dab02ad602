"""`http`: calls an API. The result is `{status, headers, body}`; other statuses fail the step with `Http.<status>`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED, pointer
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.secret_refs import FIELD, Hiding
from chalicelib.engine.steps.base import Call, Compiler, Enter, Fail, Outcome, StepType

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TEMPLATES = ("url", "query", "headers", "body", "auth")
_MAY_HIDE = ("headers", "body", "auth")
RESERVED_HEADERS = frozenset(
    ("connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
"""They frame a request and say where it goes: with them one request could pass for two, or for another host's."""
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name in HTTP (RFC 9110, 5.6.2)."""
_STATUS_CLASS = re.compile(r"[1-5]xx")
_CODE = "a status like 404 or a class like 2xx"
_AUTHS = "bearer, or username and password"
_BAD_URL = "expected a URL that begins with http:// or https:// and names no user, found"


def compile_http(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile the parts of the request."""
    hiding = Hiding(compiler.path, compiler.complain, compiler.template)
    shown = {name: hiding.take(spec[name], (name,)) if name in _MAY_HIDE else spec[name] for name in _given(spec)}
    parts = {name: compiler.template(value, f"/{name}") for name, value in shown.items()}
    fixed: dict[str, Any] = {"method": spec.get("method", "GET")}
    if "successCodes" in spec:
        fixed["successCodes"] = spec["successCodes"]
    url = parts["url"]
    if is_constant(url) and not _is_url(url({})):
        compiler.complain(f"{compiler.path}/url", f"{_BAD_URL} {values.text(url({})):.200}", url({}), "a URL")
    _check_rest(spec, compiler)

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        request = fixed | {name: part(scope) for name, part in parts.items()}
        if not _is_url(request["url"]):
            return Fail(EXPRESSION_FAILED, f"{_BAD_URL} {values.text(request['url']):.200}")
        if hiding.found:
            request[FIELD] = [hidden.document(scope) for hidden in hiding.found]
        return Call("http", request)

    return enter


def _given(spec: Mapping[str, Any]) -> list[str]:
    return [name for name in _TEMPLATES if name in spec]


def _check_rest(spec: Mapping[str, Any], compiler: Compiler) -> None:
    """Check what a schema says only in riddles."""
    if "auth" in spec and set(spec["auth"]) not in ({"bearer"}, {"username", "password"}):
        message = "auth needs either bearer, or username and password"
        compiler.complain(f"{compiler.path}/auth", message, ", ".join(sorted(spec["auth"])) or "nothing", _AUTHS)
    known: set[str] = set()
    for name in spec.get("headers", {}):
        at = compiler.path + pointer("headers", name)
        if name.lower() in RESERVED_HEADERS or name.lower().startswith("proxy-"):
            compiler.complain(at, f"the header {name:.80} is set by sedo alone", name, "another header")
        elif not HEADER_NAME.fullmatch(name):
            compiler.complain(at, f"{name!r:.80} is not a header name", name, "letters, digits and - _ . alone")
        elif name.lower() in known:
            compiler.complain(at, f"the header {name:.80} is there twice: large and small letters are one", name, "one")
        known.add(name.lower())
    for i, code in enumerate(spec.get("successCodes", [])):
        status = isinstance(code, int | float) and 100 <= code <= 599
        if not status and not (isinstance(code, str) and _STATUS_CLASS.fullmatch(code)):
            found = f"{values.text(code):.80}"
            at = f"{compiler.path}/successCodes/{i}"
            compiler.complain(at, f"expected {_CODE}, found {found}", code, _CODE)


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.username is None and parts.password is None
    except ValueError:
        return False


_TEXTS = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}, "maxProperties": 100}
_AUTH = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("bearer", "username", "password")},
    "additionalProperties": False,
}
_CODES = {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 1, "maxItems": 100}
HTTP = StepType(
    name="http",
    properties={
        "method": {"enum": list(METHODS)},
        "url": {"type": "string"},
        "query": _TEXTS,
        "headers": _TEXTS,
        "body": {},
        "auth": _AUTH,
        "successCodes": _CODES,
    },
    required=("url",),
    compile=compile_http,
    pure=False,
    default_timeout_seconds=30,
    max_timeout_seconds=45,
)

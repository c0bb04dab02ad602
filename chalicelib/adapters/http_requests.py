"""What an `http` step sends: the request of a task, and what becomes of it when it is redirected."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from urllib3.util import make_headers, parse_url

from chalicelib.engine.secret_refs import FIELD
from chalicelib.engine.steps.http import HEADER_NAME, RESERVED_HEADERS

FORBIDDEN = "Http.Forbidden"
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; header names are in lower case. `secret_headers` and a `secret_body` are for its origin alone."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    secret_headers: frozenset[str] = frozenset()
    secret_body: bool = False

    @property
    def origin(self) -> tuple[str | None, str | None, int | None]:
        """Scheme, host and port as they are used: who is trusted with secrets."""
        parts = parse_url(self.url)
        return parts.scheme, parts.host, parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")


class Failed(Exception):
    """Carries an error name and cause out of a call."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name


def build(found: Mapping[str, Any], idempotency_key: str) -> Request:
    """Turn a task's request into what is sent. Raises ValueError for what HTTP cannot carry."""
    headers = {_header_name(name): _text(value) for name, value in found.get("headers", {}).items()}
    body = _body(found.get("body"), headers)
    headers.setdefault("idempotency-key", idempotency_key)
    headers.setdefault("user-agent", "sedo")
    headers.setdefault("accept", "application/json, */*;q=0.5")
    auth = found.get("auth") or {}
    if "bearer" in auth:
        headers["authorization"] = f"Bearer {auth['bearer']}"
    elif auth:
        headers |= make_headers(basic_auth=f"{auth['username']}:{auth['password']}")
    secret = [hidden["at"] for hidden in found.get(FIELD, [])]
    secret_headers = {at[1].lower() for at in secret if at[0] == "headers"}
    parts = urlsplit(found["url"])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url must be an absolute http or https URL, found {found['url']:.200}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    query.extend((name, _text(value)) for name, value in found.get("query", {}).items())
    url = urlunsplit(parts._replace(query=urlencode(query), fragment="")) if found.get("query") else found["url"]
    secret_body = any(at[0] == "body" for at in secret)
    return Request(found.get("method", "GET"), url, headers, body, frozenset(secret_headers), secret_body)


def redirected(request: Request, status: int, target: str) -> Request:
    """Return the request that a redirect asks for. Secrets never follow to another origin."""
    url = urljoin(request.url, target)
    if urlsplit(url).scheme not in ("http", "https"):
        raise Failed(FORBIDDEN, f"redirected to {url}, which is not http or https")
    method, body, headers = request.method, request.body, dict(request.headers)
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers.pop("content-type", None)
    secret_body = request.secret_body and body is not None
    following = Request(method, url, headers, body, request.secret_headers, secret_body)
    if following.origin != request.origin:
        if secret_body:
            raise Failed(FORBIDDEN, f"redirected to {url}, and the body with a secret goes to no other host")
        for name in (*_SECRET_HEADERS, *request.secret_headers):
            headers.pop(name, None)
    return following


def _body(body: Any, headers: dict[str, str]) -> bytes | None:
    """Return the bytes of a body: JSON, unless the headers name another type for a text or a form."""
    if body is None:
        return None
    kind = headers.get("content-type", "application/json").split(";")[0].strip().lower()
    headers.setdefault("content-type", "application/json")
    if isinstance(body, str) and not is_json(kind):
        return body.encode()
    if isinstance(body, dict) and kind == "application/x-www-form-urlencoded":
        return urlencode({name: _text(value) for name, value in body.items()}).encode()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is not a header name")
    if name.lower() in RESERVED_HEADERS:
        raise ValueError(f"the header {name} is set by sedo alone")
    return name.lower()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def is_json(kind: str) -> bool:
    """Say whether a content type is JSON."""
    return kind == "application/json" or kind.endswith("+json")


def basic_tokens(filled: Mapping[str, Any]) -> list[str]:
    """Return what stands for the credentials in basic authentication."""
    auth = filled.get("auth") or {}
    if "username" not in auth:
        return []
    pair = f"{auth['username']}:{auth['password']}"
    return [base64.b64encode(pair.encode("utf-8", "replace")).decode(), *_token(pair)]


def _token(pair: str) -> list[str]:
    try:
        return [make_headers(basic_auth=pair)["authorization"].partition(" ")[2]]
    except UnicodeEncodeError:
        return []

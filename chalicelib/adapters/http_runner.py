"""Performs `http` steps: one request, redirects followed, everything bounded, every outcome a TaskResult.

Http.<status>           a status outside successCodes
Http.ConnectionFailed   no connection, no TLS, or it broke
Http.Forbidden          an address that is not public
Http.TooManyRedirects   more than five
Data.TooLarge           a response beyond 4 MB
Task.Timeout            the time was over, wherever it was spent
Task.Failed             a request that cannot be sent as it is
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as HttpTimeoutError
from urllib3.util import Timeout, make_headers

from chalicelib.adapters.connections import Call, Forbidden, limited, pool_manager
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DATA_TOO_LARGE, TASK_FAILED, TASK_TIMEOUT

CONNECTION_FAILED = "Http.ConnectionFailed"
FORBIDDEN = "Http.Forbidden"
TOO_MANY_REDIRECTS = "Http.TooManyRedirects"

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
MAX_REDIRECTS = 5
MAX_CONNECT_SECONDS = 10.0
_SHOWN_CHARACTERS = 1024
_CHUNK_BYTES = 16 * 1024
# A socket gives up at about the moment at which the call is cut off.
_CLOSE_SECONDS = 0.05
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def origin(self) -> tuple[str, str]:
        """Scheme and authority: who is trusted with the headers."""
        parts = urlsplit(self.url)
        return parts.scheme, parts.netloc


class _Failed(Exception):
    """Carries an error name and cause out of a call."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name


class HttpRunner:
    """TaskRunner of type `http`; one for many threads, keeping connections open between calls."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._pool = pool_manager(allow_private=allow_private)

    def perform(self, task: Task) -> TaskResult:
        """Call `task.request`: `{method, url, query?, headers?, body?, auth?, successCodes?}`."""
        until = time.monotonic() + task.timeout_seconds
        with limited(task.timeout_seconds) as call:
            try:
                request = build(task.request, task.idempotency_key)
                response, body = self._follow(request, call, until)
            except _Failed as failure:
                return TaskResult(error=failure.name, cause=str(failure))
            except Forbidden as error:
                return TaskResult(error=FORBIDDEN, cause=str(error))
            except (HTTPError, OSError) as error:
                return _broken(error, task, expired=call.expired or time.monotonic() > until - _CLOSE_SECONDS)
            except ValueError as error:
                return TaskResult(error=TASK_FAILED, cause=f"the request cannot be sent: {error}")
        return _result(response, body, task.request.get("successCodes"))

    def _follow(self, request: Request, call: Call, until: float) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            response, body = self._once(request, call, until)
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or not target:
                return response, body
            request = redirected(request, response.status, target)
        raise _Failed(TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects, the last one to {request.url:.200}")

    def _once(self, request: Request, call: Call, until: float) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        left = until - time.monotonic()
        if left <= 0 or call.expired:
            raise HttpTimeoutError("no time left")
        response = self._pool.request(
            request.method,
            request.url,
            body=request.body,
            headers=dict(request.headers),
            redirect=False,
            preload_content=False,
            timeout=Timeout(connect=min(left, MAX_CONNECT_SECONDS), read=left),
        )
        whole = False
        try:
            body = _read(response)
            whole = not call.expired
        finally:
            # A connection goes back to the pool only when nothing of this response can come out of it later.
            response.release_conn() if whole else response.close()
        if call.expired:
            raise HttpTimeoutError("cut off")
        return response, body


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
    parts = urlsplit(found["url"])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url must be an absolute http or https URL, found {found['url']:.200}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    query.extend((name, _text(value)) for name, value in found.get("query", {}).items())
    url = urlunsplit(parts._replace(query=urlencode(query), fragment="")) if found.get("query") else found["url"]
    return Request(found.get("method", "GET"), url, headers, body)


def redirected(request: Request, status: int, target: str) -> Request:
    """Return the request that a redirect asks for. Secrets never follow to another origin."""
    url = urljoin(request.url, target)
    if urlsplit(url).scheme not in ("http", "https"):
        raise _Failed(FORBIDDEN, f"redirected to {url:.200}, which is not http or https")
    method, body, headers = request.method, request.body, dict(request.headers)
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers.pop("content-type", None)
    following = Request(method, url, headers, body)
    if following.origin != request.origin:
        for name in _SECRET_HEADERS:
            headers.pop(name, None)
    return following


def _body(body: Any, headers: dict[str, str]) -> bytes | None:
    """Return the bytes of a body: JSON, unless the headers name another type for a text or a form."""
    if body is None:
        return None
    kind = headers.get("content-type", "application/json").split(";")[0].strip().lower()
    headers.setdefault("content-type", "application/json")
    if isinstance(body, str) and not _is_json(kind):
        return body.encode()
    if isinstance(body, dict) and kind == "application/x-www-form-urlencoded":
        return urlencode({name: _text(value) for name, value in body.items()}).encode()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is not a header name")
    return name.lower()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read a body, decompressed, up to the limit."""
    data = bytearray()
    while chunk := response.read(min(_CHUNK_BYTES, MAX_RESPONSE_BYTES + 1 - len(data)), decode_content=True):
        data += chunk
        if len(data) > MAX_RESPONSE_BYTES:
            raise _Failed(DATA_TOO_LARGE, f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(data)


def _result(response: urllib3.BaseHTTPResponse, body: bytes, codes: list[int | str] | None) -> TaskResult:
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = _decoded(body, headers.get("content-type", ""))
    if not is_success(response.status, codes):
        return TaskResult(error=f"Http.{response.status}", cause=text[:_SHOWN_CHARACTERS])
    return TaskResult(value={"status": response.status, "headers": headers, "body": _parsed(text, headers)})


def is_success(status: int, codes: list[int | str] | None) -> bool:
    """Say whether a status is wanted: `codes` holds numbers and classes like `2xx`, by default the latter."""
    return any(code in (status, f"{status // 100}xx") for code in codes or ("2xx",))


def _decoded(body: bytes, content_type: str) -> str:
    charset = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'") or "utf-8"
    try:
        return body.decode(charset, "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _parsed(text: str, headers: Mapping[str, str]) -> Any:
    """Return the body as JSON where it says it is and it is, else as text; None when there is none."""
    if not text:
        return None
    if not _is_json(headers.get("content-type", "").split(";")[0].strip().lower()):
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _broken(error: Exception, task: Task, *, expired: bool) -> TaskResult:
    if expired or isinstance(error, ReadTimeoutError):
        return TaskResult(error=TASK_TIMEOUT, cause=f"no answer within {task.timeout_seconds:g} s")
    if isinstance(error, LocationValueError):
        return TaskResult(error=TASK_FAILED, cause=f"the request cannot be sent: {error}")
    return TaskResult(error=CONNECTION_FAILED, cause=str(error)[:_SHOWN_CHARACTERS])

"""Performs `http` steps: one request, redirects followed, everything bounded, every outcome a TaskResult.

Http.<status>           a status outside successCodes
Http.ConnectionFailed   no connection, no TLS, or it broke
Http.Forbidden          an address that is not public, a host that is not on the list, a secret that would go elsewhere
Secrets.NotFound        a secret that the request refers to is not there
Http.TooManyRedirects   more than five
Data.TooLarge           a response beyond 256 KB
Task.Timeout            the time was over, wherever it was spent
Task.Failed             a request that cannot be sent as it is
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as HttpTimeoutError
from urllib3.util import Timeout, make_headers, parse_url

from chalicelib.adapters.connections import Call, Forbidden, Resolve, limited, pool_manager, resolve
from chalicelib.adapters.masking import Masker
from chalicelib.adapters.secret_values import SecretFailed, Secrets
from chalicelib.engine import values
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DATA_TOO_LARGE, TASK_FAILED, TASK_TIMEOUT
from chalicelib.engine.secret_refs import FIELD
from chalicelib.engine.steps.http import RESERVED_HEADERS

CONNECTION_FAILED = "Http.ConnectionFailed"
FORBIDDEN = "Http.Forbidden"
TOO_MANY_REDIRECTS = "Http.TooManyRedirects"

MAX_RESPONSE_BYTES = 256 * 1024
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


class _Failed(Exception):
    """Carries an error name and cause out of a call."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name


class HttpRunner:
    """TaskRunner of type `http`; one for many threads, keeping connections open between calls.

    `allowed_hosts` are names, or patterns like `*.example.com`; without any, every public host may be called.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allowed_hosts: Sequence[str] = (),
        secrets: Secrets | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._pool = pool_manager(allow_private=allow_private, resolve=resolve)
        self._allowed_hosts = tuple(host.lower() for host in allowed_hosts)
        self._secrets = secrets or Secrets(None, "")

    def perform(self, task: Task) -> TaskResult:
        """Call `task.request`: `{method, url, query?, headers?, body?, auth?, successCodes?, secrets?}`."""
        until = time.monotonic() + task.timeout_seconds
        with limited(task.timeout_seconds) as call:
            try:
                filled, used = self._secrets.fill(task.request, task.tenant_id)
            except SecretFailed as failure:
                return TaskResult(error=failure.name, cause=str(failure))
            masker = Masker([*used, *_basic_tokens(filled)] if used else ())
            result = self._perform(task, filled, call, until, masker)
        return result if result.error is None else _shortened(result, masker)

    def _perform(self, task: Task, filled: Mapping[str, Any], call: Call, until: float, masker: Masker) -> TaskResult:
        try:
            response, body = self._follow(build(filled, task.idempotency_key), call, until)
        except _Failed as failure:
            return TaskResult(error=failure.name, cause=str(failure))
        except Forbidden as error:
            return TaskResult(error=FORBIDDEN, cause=str(error))
        except (HTTPError, OSError) as error:
            return _broken(error, task, expired=call.expired or time.monotonic() > until - _CLOSE_SECONDS)
        except ValueError as error:
            return TaskResult(error=TASK_FAILED, cause=f"the request cannot be sent: {error}")
        return _result(response, body, task.request.get("successCodes"), masker)

    def _follow(self, request: Request, call: Call, until: float) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            self._check_host(request.url)
            response, body = self._once(request, call, until)
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or not target:
                return response, body
            request = redirected(request, response.status, target)
        raise _Failed(TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects, the last one to {request.url}")

    def _check_host(self, url: str) -> None:
        """Ask the parser of what makes the connection: two parsers may read two hosts in one text."""
        host = (parse_url(url).host or "").rstrip(".").lower()
        if self._allowed_hosts and not any(fnmatchcase(host, pattern) for pattern in self._allowed_hosts):
            raise Forbidden(f"{host} is not among the hosts that this deployment lets definitions call")

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
        raise _Failed(FORBIDDEN, f"redirected to {url}, which is not http or https")
    method, body, headers = request.method, request.body, dict(request.headers)
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers.pop("content-type", None)
    secret_body = request.secret_body and body is not None
    following = Request(method, url, headers, body, request.secret_headers, secret_body)
    if following.origin != request.origin:
        if secret_body:
            raise _Failed(FORBIDDEN, f"redirected to {url}, and the body with a secret goes to no other host")
        for name in (*_SECRET_HEADERS, *request.secret_headers):
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
    if name.lower() in RESERVED_HEADERS:
        raise ValueError(f"the header {name} is set by sedo alone")
    return name.lower()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read a body, decompressed, up to the limit."""
    data = b""
    while chunk := response.read(min(_CHUNK_BYTES, MAX_RESPONSE_BYTES + 1 - len(data)), decode_content=True):
        data += chunk
        if len(data) > MAX_RESPONSE_BYTES:
            raise _Failed(DATA_TOO_LARGE, f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
    return data


def _basic_tokens(filled: Mapping[str, Any]) -> list[str]:
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


def _shortened(result: TaskResult, masker: Masker) -> TaskResult:
    """Return a failure as it may be shown: masked first, or a secret that is cut in two would stay readable."""
    return replace(result, cause=masker.text(result.cause)[:_SHOWN_CHARACTERS])


def _result(
    response: urllib3.BaseHTTPResponse, body: bytes, codes: list[int | str] | None, masker: Masker
) -> TaskResult:
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = _decoded(body, headers.get("content-type", ""))
    parsed = masker.value(_parsed(text, headers))
    if not is_success(response.status, codes):
        # Of JSON the masked value is shown: an escape like \\u0061 hides a secret from whoever masks text.
        shown = text if isinstance(parsed, str) or not masker.active else values.text(parsed)
        return TaskResult(error=f"Http.{response.status}", cause=shown)
    return TaskResult(value={"status": response.status, "headers": masker.value(headers), "body": parsed})


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
    return TaskResult(error=CONNECTION_FAILED, cause=str(error))

"""Performs `http` steps: one request, redirects followed, everything bounded, every outcome a TaskResult.

Http.<status>           a status outside successCodes
Http.ConnectionFailed   no connection, no TLS, or it broke
Http.Forbidden          an address that is not public, a host that is not on the list, a secret that would go elsewhere
Secrets.NotFound        a secret that the request refers to is not there
Http.TooManyRedirects   more than five
Data.TooLarge           a response beyond 4 MB
Task.Timeout            the time was over, wherever it was spent
Task.Failed             a request that cannot be sent as it is
"""

from __future__ import annotations

import codecs
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as HttpTimeoutError
from urllib3.util import Timeout, parse_url

from chalicelib.adapters.connections import Call, Forbidden, Resolve, limited, pool_manager, resolve
from chalicelib.adapters.http_requests import FORBIDDEN, Failed, Request, basic_tokens, build, is_json, redirected
from chalicelib.adapters.masking import Masker
from chalicelib.adapters.secret_values import SecretFailed, Secrets
from chalicelib.engine import values
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DATA_TOO_LARGE, TASK_FAILED, TASK_TIMEOUT

CONNECTION_FAILED = "Http.ConnectionFailed"
TOO_MANY_REDIRECTS = "Http.TooManyRedirects"

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
MAX_REDIRECTS = 5
MAX_CONNECT_SECONDS = 10.0
_SHOWN_CHARACTERS = 1024
_CHUNK_BYTES = 16 * 1024
_CHARSETS = re.compile(
    r"utf-8(-sig)?|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|cp866|koi8-[ru]|gbk|gb2312|gb18030|big5|euc_jp|shift_jis"
    r"|cp932|iso2022_jp|euc_kr|cp949"
)
"""What texts on the web are written in, by the names that Python has for it."""
# A socket gives up at about the moment at which the call is cut off.
_CLOSE_SECONDS = 0.05
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
            masker = Masker([*used, *basic_tokens(filled)] if used else ())
            result = self._perform(task, filled, call, until, masker)
        return result if result.error is None else _shortened(result, masker)

    def _perform(self, task: Task, filled: Mapping[str, Any], call: Call, until: float, masker: Masker) -> TaskResult:
        try:
            response, body = self._follow(build(filled, task.idempotency_key), call, until)
        except Failed as failure:
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
        raise Failed(TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects, the last one to {request.url}")

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


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read a body, decompressed, up to the limit."""
    data = bytearray()
    while chunk := response.read(min(_CHUNK_BYTES, MAX_RESPONSE_BYTES + 1 - len(data)), decode_content=True):
        data += chunk
        if len(data) > MAX_RESPONSE_BYTES:
            raise Failed(DATA_TOO_LARGE, f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(data)


def _shortened(result: TaskResult, masker: Masker) -> TaskResult:
    """Return a failure as it may be shown: masked first, or a secret that is cut in two would stay readable."""
    return replace(result, cause=masker.text(result.cause)[:_SHOWN_CHARACTERS])


def _result(
    response: urllib3.BaseHTTPResponse, body: bytes, codes: list[int | str] | None, masker: Masker
) -> TaskResult:
    headers = {name.lower(): response.headers[name] for name in response.headers}  # of a repeated one, all values
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
    """Return a body as text: in the charset that the other side names, if it is one that texts on the web have."""
    charset = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    codec = _codec(charset)
    return body.decode(codec, "replace")


def _codec(charset: str) -> str:
    """Return the codec of a charset; some of Python's are no charsets, and take time that grows with the square."""
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _CHARSETS.fullmatch(name) else "utf-8"


def _parsed(text: str, headers: Mapping[str, str]) -> Any:
    """Return the body as JSON where it says it is and it is, else as text; None when there is none."""
    if not text:
        return None
    if not is_json(headers.get("content-type", "").split(";")[0].strip().lower()):
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

"""What is the same for every route: read and check the request, call its function, answer or say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from chalice.app import Request, Response

from chalicelib.api import bodies, checks, contract, problems
from chalicelib.api.problems import Refused
from chalicelib.engine.errors import Problem
from chalicelib.runtime import Runtime

ANONYMOUS = "anonymous"
ACTOR_HEADER = "X-Sedo-Actor"
MAX_INDENTED_CHARACTERS = 1_000_000
"""What is longer than that nobody reads, and lines of a list's items may weigh more than the items."""
EMPTY_BODY = bodies.Body({})

GetRuntime = Callable[[], Runtime]
Headers = dict[str, str | list[str]]


@dataclass(frozen=True)
class Call:
    """A checked request: parameters by name (None where not given), and the body."""

    get_runtime: GetRuntime
    parameters: Mapping[str, Any]
    body: bodies.Body
    actor: str

    @property
    def runtime(self) -> Runtime:
        """The runtime, made at its first use: a health check does not need one."""
        return self.get_runtime()

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route's function returns; `next_cursor` leads to the next page of a list."""

    body: Any = None
    status: int = 200
    next_cursor: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Route:
    """One line of the route table. `checks_body` is off where the engine's own check says more."""

    method: str
    path: str
    handler: Callable[[Call], Answer]
    max_bytes: int = 65_536
    checks_body: bool = True


@dataclass
class _Received:
    """How far a request was read, for the problems that are found later."""

    body: bodies.Body = field(default_factory=lambda: EMPTY_BODY)


def respond(route: Route, request: Request, get_runtime: GetRuntime) -> Response:
    """Answer a request to a route; whatever happens is an answer."""
    received = _Received()
    request_id = _request_id(request)
    try:
        answer = route.handler(_read(route, request, get_runtime, received))
    except Exception as error:  # noqa: BLE001 - from_exception logs what nobody raises on purpose
        refused = problems.from_exception(error, received.body.located, request_id)
        return refusal(refused, request_id)
    headers: Headers = {"Content-Type": bodies.JSON}
    if answer.next_cursor is not None:
        headers["Link"] = _next_page(request, answer.next_cursor)
    if answer.status == 204:
        return Response(body="", status_code=204)
    text = to_text(answer.body) if answer.text is None else answer.text
    return Response(body=text, status_code=answer.status, headers=headers)


def refusal(refused: Refused, request_id: str | None) -> Response:
    """Return the problem+json of a refusal."""
    headers: Headers = {"Content-Type": "application/problem+json", **refused.headers}
    return Response(to_text(problems.document(refused, request_id)), headers, refused.status)


def to_text(body: Any) -> str:
    """Return JSON as a terminal likes it: our own keys sorted, the caller's data in its own order."""
    ordered = dict(sorted(body.items())) if isinstance(body, dict) else body
    if isinstance(body, list):
        ordered = [dict(sorted(item.items())) for item in body]
    text = json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"
    if len(text) > MAX_INDENTED_CHARACTERS:
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate out of an older head
        return json.dumps(ordered, indent=2) + "\n"
    return text


def _read(route: Route, request: Request, get_runtime: GetRuntime, received: _Received) -> Call:
    """Return the request, checked. Raises Refused with all problems of its parameters, or of its body."""
    operation = contract.operation(route.method, route.path)
    path = {name: unquote(text) for name, text in (request.uri_params or {}).items()}
    wanted = {name: text for name, text in path.items() if ("path", name) in operation.parameters}
    parameters, found = operation.read(wanted, _query(request), request.headers)
    if found:
        raise problems.invalid("request is not valid", found)
    if operation.media_types:
        received.body = _read_body(route, operation, request)
    return Call(get_runtime, parameters, received.body, _actor(request, parameters.get(ACTOR_HEADER)))


def _read_body(route: Route, operation: contract.Operation, request: Request) -> bodies.Body:
    content = _content(request)
    if not content and not operation.body_required:
        return EMPTY_BODY
    body = bodies.read(content, request.headers.get("content-type"), operation.media_types, route.max_bytes)
    if route.checks_body and operation.body_checker is not None:
        found = checks.problems(operation.body_checker, body.value)
        if found:
            raise problems.invalid("request is not valid", [body.located(problem) for problem in found])
    return body


def _content(request: Request) -> bytes:
    try:
        raw = request.raw_body
    except (ValueError, UnicodeError):
        problem = Problem("", "the body could not be decoded")
        raise problems.invalid("request is not valid", [problem]) from None
    return raw.encode() if isinstance(raw, str) else raw


def _query(request: Request) -> dict[str, list[str]]:
    params = request.query_params
    return {} if params is None else {name: list(params.getlist(name)) for name in params}


def _next_page(request: Request, cursor: str) -> str:
    """Return a reference relative to the request, which holds behind every stage and gateway."""
    query = _query(request) | {"cursor": [cursor]}
    return f'<?{urlencode(query, doseq=True)}>; rel="next"'


def _actor(request: Request, named: str | None) -> str:
    """Return who calls, as an authorizer in front of the API says it; where there is none, as the caller says."""
    principal = (request.context.get("authorizer") or {}).get("principalId")
    return str(principal) if principal else named or ANONYMOUS


def _request_id(request: Request) -> str | None:
    found = request.context.get("requestId") or getattr(request.lambda_context, "aws_request_id", None)
    return str(found) if found else None

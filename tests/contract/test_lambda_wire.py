"""`lambda` tasks as they go over the wire: what Lambda's Invoke gets, and what each of its answers means.

The answers are written down as AWS gives them, since the emulator knows neither error types nor client contexts.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.adapters.allowed import Allowed
from chalicelib.adapters.aws import Clients
from chalicelib.adapters.lambda_runner import LambdaRunner
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.settings import Settings


class Wire:
    """Lambda's Invoke, answering what it was told to."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"null"
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    def raised(self, kind: str | None, message: Any) -> None:
        self.headers = {"X-Amz-Function-Error": "Unhandled"}
        told = {"errorMessage": message} | ({} if kind is None else {"errorType": kind})
        self.body = json.dumps(told).encode()


class Handler(BaseHTTPRequestHandler):
    wire: Wire

    def log_message(self, *args: Any) -> None: ...

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.wire.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.wire.status)
        for name, value in self.wire.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.wire.body)))
        self.end_headers()
        self.wfile.write(self.wire.body)


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"wire": found})) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
        server.shutdown()


def perform(wire: Wire, payload: Any = None) -> TaskResult:
    runner = LambdaRunner(Clients(Settings(), endpoint_url=wire.url, region="us-east-1"), Allowed(["*"]))
    return runner.perform(
        Task("lambda", "call", 1, 2, "123:d:1//call/1", 5, {"function": "f:live", "payload": payload})
    )


def test_the_payload_is_the_authors_and_the_key_is_in_the_client_context(wire: Wire) -> None:
    wire.body = b'{"ok":true}'
    assert perform(wire, {"é": 1}) == TaskResult(value={"ok": True})
    ((path, headers, body),) = wire.seen
    assert path == "/2015-03-31/functions/f%3Alive/invocations"
    assert headers["x-amz-invocation-type"] == "RequestResponse"
    assert json.loads(body) == {"é": 1}
    context = json.loads(base64.b64decode(headers["x-amz-client-context"]))
    assert context == {"custom": {"idempotencyKey": "123:d:1//call/1", "attempt": "2"}}


@pytest.mark.parametrize(
    ("kind", "message", "error", "cause"),
    [
        ("OutOfStock", "none left", "Lambda.OutOfStock", "none left"),
        ("com.shop.NoSuchOrder", "7", "Lambda.com.shop.NoSuchOrder", "7"),
        ("Runtime.ExitError", "exit status 1", "Lambda.Runtime.ExitError", "exit status 1"),
        ("odd name/é", "x", "Lambda.odd_name_", "x"),
        ("Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 3.00 seconds", "Task.Timeout", None),
        (None, "2030-01-01T00:00:00Z 1-2-3 Task timed out after 3.00 seconds", "Task.Timeout", None),
        (None, "something", "Lambda.Unknown", "something"),
        ("Error", {"no": "text"}, "Lambda.Error", '{"errorMessage": {"no": "text"}, "errorType": "Error"}'),
    ],
)
def test_what_a_function_raises_names_the_error(
    wire: Wire, kind: str | None, message: Any, error: str, cause: str | None
) -> None:
    wire.raised(kind, message)
    assert perform(wire) == TaskResult(error=error, cause=message if cause is None else cause)


@pytest.mark.parametrize(("body", "value"), [(b"", None), (b"plain", "plain"), (b"NaN", "NaN"), (b"[1]", [1])])
def test_answers_that_are_no_json_are_text(wire: Wire, body: bytes, value: Any) -> None:
    wire.body = body
    assert perform(wire) == TaskResult(value=value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "TooManyRequestsException"),
        (500, "ServiceException"),
        (403, "AccessDeniedException"),
        (413, "RequestTooLargeException"),
    ],
)
def test_what_lambda_itself_answers_names_the_error_and_is_not_tried_again(wire: Wire, status: int, kind: str) -> None:
    wire.status, wire.headers, wire.body = status, {"x-amzn-ErrorType": kind}, b'{"Message":"no"}'
    result = perform(wire)
    assert result.error == f"Lambda.{kind}"
    assert "no" in result.cause
    assert len(wire.seen) == 1, "a retry is the definition's to ask for: the function may have run"

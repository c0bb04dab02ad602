"""`http` tasks against a server that really answers: every outcome is a result, every bound holds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from chalicelib.adapters.connections import is_public
from chalicelib.adapters.http_runner import MAX_RESPONSE_BYTES, HttpRunner
from chalicelib.adapters.tasks import TaskRunners
from chalicelib.engine.effects import Task, TaskResult


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: str
    port: int


@dataclass
class Server:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Server

    def log_message(self, *args: Any) -> None: ...

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.site.seen.append(Seen(self.command, self.path, headers, body, self.client_address[1]))
        first, _, rest = self.path.lstrip("/").partition("/")
        if first == "status":
            self.answer(int(rest), b"as you wish", Content_Type="text/plain")
        elif first == "redirect":
            status, _, target = rest.partition("/")
            self.answer(int(status), b"", Location=target)
        elif first == "loop":
            self.answer(302, b"", Location="/loop")
        elif first == "large":
            self.answer(200, b"x" * int(rest), Content_Type="text/plain")
        elif first == "raw":
            kind, _, text = unquote(rest).partition("!")
            self.answer(200, text.encode(), Content_Type=kind.replace("|", "/"))
        elif first == "slow":
            time.sleep(float(rest))
            self.answer(200, b"late")
        elif first == "drip":
            self.drip()
        elif first == "hangup":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.answer(
                200, json.dumps({"path": self.path}).encode(), Content_Type="application/json", X_Made_By="test"
            )

    def drip(self) -> None:
        try:
            for letter in "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + "x" * 1000:
                self.wfile.write(letter.encode())
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *args: Any) -> None:
        """Callers that hang up are what is tested here."""


@pytest.fixture
def server() -> Iterator[Server]:
    site = Server()
    handler = type("Bound", (Handler,), {"site": site})
    with QuietServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        site.url = f"http://127.0.0.1:{httpd.server_address[1]}"
        yield site
        httpd.shutdown()


@pytest.fixture
def runner() -> HttpRunner:
    return HttpRunner(allow_private=True)


def task(url: str, timeout_seconds: float = 5, **request: Any) -> Task:
    return Task("http", "call", 1, 1, "123:d:1//call/1", timeout_seconds, {"method": "GET", "url": url} | request)


def test_a_json_answer_is_parsed(server: Server, runner: HttpRunner) -> None:
    result = runner.perform(task(server.url + "/orders/7?x=1"))
    assert result.error is None
    assert result.value["status"] == 200
    assert result.value["body"] == {"path": "/orders/7?x=1"}
    assert result.value["headers"]["x-made-by"] == "test"


@pytest.mark.parametrize(
    ("kind", "text", "body"),
    [
        ("text|plain", "hello", "hello"),
        ("application|json", "", None),
        ("application|json", "{not json", "{not json"),
        ("application|json", "NaN", "NaN"),
        ("application|problem+json; charset=utf-8", "[1,2.0]", [1, 2.0]),
        ("text|plain; charset=no-such", "x", "x"),
    ],
)
def test_other_answers_are_text(server: Server, runner: HttpRunner, kind: str, text: str, body: Any) -> None:
    assert runner.perform(task(f"{server.url}/raw/{quote(f'{kind}!{text}')}")).value["body"] == body


def test_the_request_is_sent_as_it_was_asked(server: Server, runner: HttpRunner) -> None:
    runner.perform(
        task(
            server.url + "/a?b=1",
            method="POST",
            query={"c": "d e", "n": 2, "t": True},
            headers={"X-Number": 7, "X-Text": "hello"},
            body={"é": [1, None]},
        )
    )
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/a?b=1&c=d+e&n=2&t=true")
    assert json.loads(seen.body) == {"é": [1, None]}
    assert seen.headers["content-type"] == "application/json"
    assert (seen.headers["x-number"], seen.headers["x-text"]) == ("7", "hello")
    assert seen.headers["idempotency-key"] == "123:d:1//call/1"
    assert seen.headers["user-agent"] == "sedo"


@pytest.mark.parametrize(
    ("kind", "body", "sent"),
    [
        ("text/plain", "hello", "hello"),
        ("application/x-www-form-urlencoded", {"a": "b c", "n": 1}, "a=b+c&n=1"),
        ("application/json", "hello", '"hello"'),
    ],
)
def test_bodies_follow_their_type(server: Server, runner: HttpRunner, kind: str, body: Any, sent: str) -> None:
    runner.perform(task(server.url, method="PUT", headers={"Content-Type": kind}, body=body))
    assert server.seen[0].body == sent
    assert server.seen[0].headers["content-type"] == kind


def test_credentials_are_sent(server: Server, runner: HttpRunner) -> None:
    runner.perform(task(server.url, auth={"bearer": "abc"}))
    runner.perform(task(server.url, auth={"username": "me", "password": "you"}))
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer abc", "Basic bWU6eW91"]


def test_a_caller_may_name_the_idempotency_key(server: Server, runner: HttpRunner) -> None:
    runner.perform(task(server.url, headers={"Idempotency-Key": "mine"}))
    assert server.seen[0].headers["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("status", "codes", "error"),
    [
        (201, None, None),
        (404, None, "Http.404"),
        (503, None, "Http.503"),
        (404, ["2xx", 404], None),
        (200, [201], "Http.200"),
        (302, None, "Http.302"),
        (418, ["4xx"], None),
    ],
)
def test_the_status_decides(server: Server, runner: HttpRunner, status: int, codes: Any, error: str | None) -> None:
    request = {} if codes is None else {"successCodes": codes}
    result = runner.perform(task(f"{server.url}/status/{status}", **request))
    assert result.error == error
    if error:
        assert result.cause == "as you wish"


def test_connections_are_used_again(server: Server, runner: HttpRunner) -> None:
    for _ in range(3):
        runner.perform(task(server.url))
        runner.perform(task(server.url + "/status/500"))
    assert len({seen.port for seen in server.seen}) == 1


def test_five_redirects_are_followed_and_a_sixth_is_not(server: Server, runner: HttpRunner) -> None:
    chain = "/redirect/302/" * 5 + "/end"
    assert runner.perform(task(server.url + chain)).value["body"] == {"path": "/end"}
    assert runner.perform(task(server.url + "/loop")).error == "Http.TooManyRedirects"
    assert len(server.seen) == 12


@pytest.mark.parametrize(
    ("status", "method", "arrives", "body"),
    [
        (303, "PUT", "GET", ""),
        (302, "POST", "GET", ""),
        (307, "POST", "POST", "1"),
        (308, "PUT", "PUT", "1"),
        (301, "HEAD", "HEAD", "1"),
    ],
)
def test_a_redirect_keeps_or_drops_the_body(
    server: Server, runner: HttpRunner, status: int, method: str, arrives: str, body: str
) -> None:
    runner.perform(task(f"{server.url}/redirect/{status}/end", method=method, body=1))
    assert (server.seen[1].method, server.seen[1].body) == (arrives, body)


def test_secrets_do_not_follow_to_another_origin(server: Server, runner: HttpRunner) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    runner.perform(task(f"{server.url}/redirect/302/{elsewhere}/end", auth={"bearer": "abc"}, headers={"X-Mine": "1"}))
    runner.perform(task(f"{server.url}/redirect/302//end", auth={"bearer": "abc"}))
    assert "authorization" not in server.seen[1].headers
    assert server.seen[1].headers["x-mine"] == "1"
    assert server.seen[3].headers["authorization"] == "Bearer abc"


def test_a_redirect_to_another_scheme_is_forbidden(server: Server, runner: HttpRunner) -> None:
    assert runner.perform(task(f"{server.url}/redirect/302/file:///etc/passwd")).error == "Http.Forbidden"


def test_the_size_of_an_answer_is_bounded(server: Server, runner: HttpRunner) -> None:
    fits = runner.perform(task(f"{server.url}/large/{MAX_RESPONSE_BYTES}"))
    assert len(fits.value["body"]) == MAX_RESPONSE_BYTES
    assert runner.perform(task(f"{server.url}/large/{MAX_RESPONSE_BYTES + 1}")).error == "Data.TooLarge"
    assert runner.perform(task(server.url)).error is None, "the next call is not disturbed"


@pytest.mark.parametrize("path", ["/slow/3", "/drip"])
def test_time_is_bounded_also_against_a_peer_that_drips(server: Server, runner: HttpRunner, path: str) -> None:
    began = time.monotonic()
    result = runner.perform(task(server.url + path, timeout_seconds=0.4))
    assert result == TaskResult(error="Task.Timeout", cause="no answer within 0.4 s")
    assert time.monotonic() - began < 1.5
    assert runner.perform(task(server.url)).error is None, "the next call is not disturbed"


def test_a_broken_connection_is_a_result(server: Server, runner: HttpRunner) -> None:
    assert runner.perform(task(server.url + "/hangup")).error == "Http.ConnectionFailed"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert runner.perform(task(url)).error == "Http.ConnectionFailed"
    assert runner.perform(task("http://no-such-host.invalid/")).error == "Http.ConnectionFailed"
    assert runner.perform(task(server.url.replace("http:", "https:"))).error == "Http.ConnectionFailed"


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "ftp://example.com/"},
        {"url": "http://"},
        {"url": "http://[::1"},
        {"url": "http://127.0.0.1:99999/"},
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "a"}},
        {"headers": {"X-A": "漢"}},
        {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "\ud800"},
    ],
)
def test_what_cannot_be_sent_fails_the_task(server: Server, runner: HttpRunner, request_: dict[str, Any]) -> None:
    assert runner.perform(task(**{"url": server.url} | request_)).error == "Task.Failed"
    assert server.seen == []
    assert runner.perform(task(server.url)).error is None, "the next call is not disturbed"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"]
)
def test_this_machine_is_not_called_unless_allowed(server: Server, host: str) -> None:
    url = server.url.replace("127.0.0.1", host)
    result = HttpRunner().perform(task(url))
    assert result.error in ("Http.Forbidden", "Http.ConnectionFailed")
    if host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        assert result.error == "Http.Forbidden"
    assert server.seen == []


NOT_PUBLIC = """
    127.0.0.1 127.8.9.1 10.0.0.1 172.16.3.4 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 239.1.1.1 240.0.0.1
    255.255.255.255 192.0.2.1 198.18.0.1 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 ::ffff:10.0.0.1
    ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1:: 2002:a00:1:: 2001:db8::1
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "52.94.236.248", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


def test_a_type_without_a_runner_fails_the_task() -> None:
    assert TaskRunners({}).perform(task("http://example.com")).error == "Task.Failed"

"""`http` tasks against a server that really answers: every outcome is a result, every bound holds."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from chalicelib.adapters.connections import is_public
from chalicelib.adapters.http_requests import Request, redirected
from chalicelib.adapters.http_runner import MAX_RESPONSE_BYTES, HttpRunner
from chalicelib.adapters.secret_values import Secrets
from chalicelib.adapters.tasks import TaskRunners
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.ports import CALLS_AT_ONCE


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
        elif first in ("echo", "text", "mirror", "twice"):
            self.reflect(first, rest, body)
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

    def reflect(self, how: str, status: str, body: str) -> None:
        """Tell the caller what it sent: as it was, or its credentials in several forms."""
        if how == "echo":
            self.answer(200, body.encode(), Content_Type="application/json")
        elif how == "text":
            self.answer(int(status), body.encode(), Content_Type="text/plain")
        elif how == "twice":
            self.answer(200, b"", Set_Cookie="a=1", set_Cookie="b=2")
        else:
            said = self.headers["authorization"]
            plain = base64.b64decode(said.removeprefix("Basic ")).decode()
            told = {"header": said, "plain": plain, "quoted": quote(plain)}
            escaped = json.dumps(told).replace("s3", "\\u0073\\u0033")
            self.answer(int(status), escaped.encode(), Content_Type="application/json", X_Said=said)

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
    request_queue_size = 128
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
        ("text|plain; charset=iso-8859-1", "plain", "plain"),
        ("text|plain; charset=Shift_JIS", "plain", "plain"),
        ("text|plain; charset=utf-16-le", "ab", "\u6261"),
    ],
)
def test_other_answers_are_text(server: Server, runner: HttpRunner, kind: str, text: str, body: Any) -> None:
    assert runner.perform(task(f"{server.url}/raw/{quote(f'{kind}!{text}')}")).value["body"] == body


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "utf-7", "unicode_escape", "rot13", "zlib", "undefined", "mbcs"]
)
def test_codecs_that_are_no_charsets_are_not_asked(server: Server, runner: HttpRunner, charset: str) -> None:
    """Some of them take time that grows with the square of the text, others raise."""
    text = "+AGE- b-a \\x41"
    answer = runner.perform(task(f"{server.url}/raw/{quote(f'text|plain; charset={charset}!{text}')}"))
    assert answer.value["body"] == text


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


def test_all_values_of_a_repeated_header_are_kept(server: Server, runner: HttpRunner) -> None:
    assert runner.perform(task(server.url + "/twice")).value["headers"]["set-cookie"] == "a=1, b=2"


def test_connections_are_used_again(server: Server, runner: HttpRunner) -> None:
    for _ in range(3):
        runner.perform(task(server.url))
        runner.perform(task(server.url + "/status/500"))
    assert len({seen.port for seen in server.seen}) == 1


def test_as_many_connections_are_kept_as_calls_are_made_at_once(server: Server, runner: HttpRunner) -> None:
    with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
        for _ in range(2):
            together = threading.Barrier(CALLS_AT_ONCE)

            def call(_: int, together: threading.Barrier = together) -> TaskResult:
                together.wait(10)
                return runner.perform(task(server.url + "/slow/0.5"))

            assert all(result.error is None for result in threads.map(call, range(CALLS_AT_ONCE)))
    assert len(server.seen) == 2 * CALLS_AT_ONCE
    assert len({seen.port for seen in server.seen}) <= CALLS_AT_ONCE


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
    255.255.255.255 192.0.0.192 192.0.2.1 198.18.0.1 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fec0::1 fd00:ec2::254 ff02::1
    ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1:: 2002:a00:1:: 2001:db8::1
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "52.94.236.248", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


ODD_SPELLINGS = """
    127.0.0.1 127.1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [64:ff9b::7f00:1]
    169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 [::ffff:a9fe:a9fe] [fd00:ec2::254] 10.0.0.1 localhost
    127.0.0.1. localhost.
"""


@pytest.mark.parametrize("host", ODD_SPELLINGS.split())
def test_no_spelling_of_an_address_gets_past_the_guard(server: Server, host: str) -> None:
    port = server.url.rpartition(":")[2]
    result = HttpRunner().perform(task(f"http://{host}:{port}/", timeout_seconds=2))
    # A spelling that the system takes for a name is no address at all.
    assert result.error in ("Http.Forbidden", "Http.ConnectionFailed")
    assert "timed out" not in result.cause, "it was tried"
    assert server.seen == []


class Names:
    """A resolver that says something else each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def __call__(self, host: str, port: int) -> list[str]:
        return self.answers.pop(0)


def test_a_name_that_changes_its_address_gains_nothing(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    names = Names(["127.0.0.1"], ["10.1.2.3", "127.0.0.1"], ["192.0.2.1", "127.0.0.1"])
    runner = HttpRunner(resolve=names)
    for _ in range(3):
        result = runner.perform(task(f"http://rebinding.example:{port}/"))
        assert result.error == "Http.Forbidden"
        assert "which is not a public address" in result.cause
    assert names.answers == []
    assert server.seen == []


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/", "//10.0.0.1/", "http://[::1]/"]
)
def test_a_redirect_to_a_private_address_is_refused_where_it_would_connect(target: str) -> None:
    first = Request("GET", "http://public.example/", {}, None)
    result = HttpRunner().perform(task(redirected(first, 302, target).url, timeout_seconds=2))
    assert result.error == "Http.Forbidden"


def test_only_listed_hosts_are_called_also_after_redirects(server: Server) -> None:
    runner = HttpRunner(allow_private=True, allowed_hosts=["127.0.0.1", "*.Example.com"])
    assert runner.perform(task(server.url)).error is None
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    refused = runner.perform(task(f"{server.url}/redirect/302/{elsewhere}/end"))
    assert refused.error == "Http.Forbidden"
    assert refused.cause == "localhost is not among the hosts that this deployment lets definitions call"
    assert [seen.path for seen in server.seen] == ["/", f"/redirect/302/{elsewhere}/end"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://api.example.com/", True),
        ("http://API.EXAMPLE.COM./", True),
        ("http://a.b.example.com/", True),
        ("http://example.com/", False),
        ("http://example.com.evil.test/", False),
        ("http://evil.test/?x=.example.com", False),
        ("http://evil.test#.example.com", False),
        ("http://api.example.com@evil.test/", False),
        ("http://evil.test\\@api.example.com/", False),
        ("http://notexample.com/", False),
    ],
)
def test_the_host_is_what_is_connected_to(url: str, allowed: bool) -> None:
    asked: list[str] = []

    def names(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    result = HttpRunner(allowed_hosts=["*.example.com"], resolve=names).perform(task(url))
    if allowed:
        assert "which is not a public address" in result.cause
    else:
        assert asked == []
        assert result.error in ("Http.Forbidden", "Task.Failed")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Connection"])
def test_headers_that_frame_a_request_are_not_taken(server: Server, runner: HttpRunner, name: str) -> None:
    assert runner.perform(task(server.url, headers={name: "0"})).error == "Task.Failed"
    assert server.seen == []


SECRET = 's3cr3t/"wört"'


@pytest.fixture
def hiding() -> HttpRunner:
    return HttpRunner(allow_private=True, secrets=Secrets({"p/123/key": SECRET, "p/123/odd": "a\r\nb: c"}.get, "p"))


def secret_task(url: str, *places: list[str], **request: Any) -> Task:
    hidden = [{"at": place, "parts": [{"text": "<"}, {"secret": "key"}, {"text": ">"}]} for place in places]
    return replace(task(url, secrets=hidden, **request), tenant_id="123")


def test_secrets_are_sent_and_masked_wherever_they_come_back(server: Server, hiding: HttpRunner) -> None:
    wanted = secret_task(server.url + "/echo", ["body", "k"], method="POST", body={"k": "", "mine": "seen"})
    result = hiding.perform(wanted)
    assert json.loads(server.seen[0].body) == {"k": f"<{SECRET}>", "mine": "seen"}
    assert result.value["body"] == {"k": "<***>", "mine": "seen"}
    assert SECRET not in str(result)


@pytest.mark.parametrize("status", [200, 500])
def test_no_form_of_a_secret_comes_back(server: Server, hiding: HttpRunner, status: int) -> None:
    ascii_secret = replace(secret_task(server.url + f"/mirror/{status}", ["auth", "password"]), tenant_id="123")
    ascii_secret.request["auth"] = {"username": "me", "password": ""}
    result = HttpRunner(allow_private=True, secrets=Secrets({"p/123/key": 's3cr"t'}.get, "p")).perform(ascii_secret)
    sent = server.seen[0].headers["authorization"]
    assert sent == "Basic " + base64.b64encode(b'me:<s3cr"t>').decode()
    shown = json.dumps([result.value, result.cause], ensure_ascii=False)
    assert "***" in shown
    for form in ('s3cr\\"t', 's3cr"t', sent.removeprefix("Basic "), "s3cr%22t"):
        assert form not in shown


def test_a_secret_at_the_edge_of_what_is_shown_is_not_cut_in_two(server: Server, hiding: HttpRunner) -> None:
    filler = "x" * 1020
    wanted = secret_task(
        server.url + "/text/500", ["body"], method="POST", body="", headers={"content-type": "text/plain"}
    )
    wanted.request["secrets"][0]["parts"][0]["text"] = filler
    result = hiding.perform(wanted)
    assert result.error == "Http.500"
    assert result.cause == filler + "***>"


def test_an_error_of_sending_does_not_show_a_secret(server: Server, hiding: HttpRunner) -> None:
    wanted = secret_task(server.url, ["headers", "x-key"], headers={"x-key": ""})
    wanted.request["secrets"][0]["parts"] = [{"secret": "odd"}]
    result = hiding.perform(wanted)
    assert result.error == "Task.Failed"
    assert "b: c" not in result.cause


def test_secrets_do_not_follow_to_another_host(server: Server, hiding: HttpRunner) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    ascii_only = HttpRunner(allow_private=True, secrets=Secrets({"p/123/key": "abc"}.get, "p"))
    wanted = secret_task(f"{server.url}/redirect/307/{elsewhere}/end", ["headers", "X-Key"], headers={"X-Key": ""})
    assert ascii_only.perform(wanted).error is None
    assert server.seen[0].headers["x-key"] == "<abc>"
    assert "x-key" not in server.seen[1].headers
    with_body = secret_task(f"{server.url}/redirect/307/{elsewhere}/end", ["body"], method="POST", body="")
    assert ascii_only.perform(with_body).error == "Http.Forbidden"
    assert len(server.seen) == 3
    without = secret_task(f"{server.url}/redirect/303/{elsewhere}/end", ["body"], method="POST", body="")
    assert ascii_only.perform(without).error is None
    assert server.seen[4].body == ""


def test_a_secret_that_is_not_there_fails_without_a_call(server: Server) -> None:
    result = HttpRunner(secrets=Secrets(lambda _name: None, "p")).perform(secret_task(server.url, ["body"], body=""))
    assert result.error == "Secrets.NotFound"
    assert result.cause == "there is no secret key for this tenant"
    assert server.seen == []


def test_nothing_of_a_secret_is_logged(server: Server, hiding: HttpRunner, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        hiding.perform(secret_task(server.url + "/echo", ["body"], method="POST", body=""))
        hiding.perform(secret_task(server.url + "/hangup", ["body"], method="POST", body=""))
    assert caplog.records, "urllib3 logs at this level"
    assert "s3cr3t" not in caplog.text


def test_a_type_without_a_runner_fails_the_task() -> None:
    assert TaskRunners({}).perform(task("http://example.com")).error == "Task.Failed"

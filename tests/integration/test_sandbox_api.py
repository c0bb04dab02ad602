"""The API launcher serves an app that is not sedo, better than the plain command and no differently."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import net
from sandbox.bootstrap import ROOT
from sandbox.processes import Part, Reaper
from tests.integration.second_process import APP


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[Part, int]]:
    port = net.free_port()
    command = [sys.executable, "-P", "-m", "sandbox.api", "--project", str(APP), "--port", str(port)]
    with Reaper() as reaper:
        part = Part("api", command, tmp_path / "api.log", reaper, {"PYTHONPATH": str(ROOT)}, cwd=tmp_path)
        try:
            part.start()
            part.wait_until(lambda: net.answers(f"http://127.0.0.1:{port}/health"), 20)
            yield part, port
        finally:
            part.end(10)


def test_stage_variables_and_bodies(api: tuple[Part, int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api[1], timeout=5)
    connection.request("GET", "/greeting")
    assert connection.getresponse().read() == b'{"greeting":"hello"}'
    headers = {"Content-Type": "text/plain"}
    connection.request("POST", "/echo", body=iter([b"in ", b"chunks"]), headers=headers, encode_chunked=True)
    assert connection.getresponse().read() == b"in chunks"
    connection.request("POST", "/echo", body=b"plain", headers=headers)
    assert connection.getresponse().read() == b"plain"
    connection.request("HEAD", "/health")
    assert connection.getresponse().read() == b""
    connection.request("GET", "/health")
    assert connection.getresponse().read() == b'{"status":"ok"}'


def test_expect_continue_is_answered_at_once(api: tuple[Part, int]) -> None:
    with socket.create_connection(("127.0.0.1", api[1]), timeout=3) as client:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        client.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"hi")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: many\r\n", b"400"),
        (b"Content-Length: -1\r\n", b"400"),
        (b"Content-Length: 99999999\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n", b"400"),
    ],
)
def test_unreadable_bodies_are_answered(api: tuple[Part, int], head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", api[1]), timeout=3) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" + head + b"\r\nzz\r\n")
        assert client.recv(1000).split()[1] == status


def test_quick_with_keep_alive(api: tuple[Part, int]) -> None:
    """Nagle's algorithm costs every answer 40 ms, a busy machine only some."""
    connection = http.client.HTTPConnection("127.0.0.1", api[1], timeout=5)
    times = []
    for _ in range(100):
        began = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.030


def test_sigterm_finishes_what_is_in_work(api: tuple[Part, int]) -> None:
    part, port = api
    answers: list[bytes | None] = []
    asking = threading.Thread(target=lambda: answers.append(net.fetch(f"http://127.0.0.1:{port}/slow", 5)))
    asking.start()
    time.sleep(0.4)
    part.ask_to_end()
    assert part.process
    assert part.process.wait(5) == 0
    asking.join()
    assert answers == [b'{"slow":true}']


def test_a_taken_port_is_one_sentence(api: tuple[Part, int]) -> None:
    command = [sys.executable, "-P", "-m", "sandbox.api", "--project", str(APP), "--port", str(api[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{api[1]}: Address already in use" in done.stderr

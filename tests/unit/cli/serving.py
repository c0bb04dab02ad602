"""Real HTTP for tests of the command: any function from requests to replies, behind a socket on loopback."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from click.testing import CliRunner, Result

from sedo.cli.app import root
from tests.unit.api.local import LocalApi

TENANT = "/sedo/tenants/123"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Said:
    """A reply; a body that is no text goes as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


HANG_UP = Said(0)
"""No reply at all: the connection is closed."""


def problem(status: int, title: str, detail: str, **more: Any) -> Said:
    body = {"detail": detail, "status": status, "title": title, "type": None} | more
    return Said(status, body, {"Content-Type": "application/problem+json"})


@contextlib.contextmanager
def serving(answer: Callable[[Asked], Said]) -> Iterator[str]:
    """The URL of a server that answers so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = answer(Asked(self.command, self.path, dict(self.headers.items()), content))
            self.close_connection = True
            if said is HANG_UP:
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 204:
                self.send_header("Content-Length", str(len(said.content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(said.content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def of_local_api(api: LocalApi) -> Callable[[Asked], Said]:
    """The real routes over the stores in memory."""

    def answer(asked: Asked) -> Said:
        found = api.send(asked.method, asked.path, asked.content or None, asked.headers.get("Content-Type"))
        return Said(found.status, found.text, {name: str(value) for name, value in found.headers.items()})

    return answer


@dataclass(frozen=True)
class Cli:
    """The command against one server, as the tenant 123."""

    url: str

    def __call__(self, *words: str, given: str | None = None, **environment: str | None) -> Result:
        variables = {"SEDO_URL": self.url, "SEDO_TENANT": "123", "SEDO_TOKEN": None, "NO_COLOR": None} | environment
        done = CliRunner().invoke(root, list(words), prog_name="sedo", input=given, env=variables)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def json(self, *words: str, **more: Any) -> Any:
        """What `--json` printed; anything but success is a failure."""
        done = self(*words, "--json", **more)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

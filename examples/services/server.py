"""HTTP around the services: JSON in, JSON out, one request at a time."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from examples.services.rules import answer
from examples.services.world import Answer, Request, World

HOST = "127.0.0.1"
LARGEST = 1 << 22


class Handler(BaseHTTPRequestHandler):
    """Reads a request, and says what the rules answer."""

    protocol_version = "HTTP/1.1"
    server: Services

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a request of any method."""
        try:
            request = self._read()
        except ValueError as error:
            self.close_connection = True
            self._say((400, {"error": str(error)}))
            return
        try:
            with self.server.lock:
                found = answer(self.server.world, request)
        except (KeyError, TypeError, AttributeError) as error:
            found = 400, {"error": f"the body is not what is expected here: {error!r}"}
        self._say(found)

    def do_POST(self) -> None:
        """Answer."""
        self.do_GET()

    def do_DELETE(self) -> None:
        """Answer."""
        self.do_GET()

    def _read(self) -> Request:
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 <= size <= LARGEST:
            raise ValueError(f"a body has at most {LARGEST} bytes, found {size}")
        content = self.rfile.read(size)
        parts = tuple(unquote(part) for part in urlsplit(self.path).path.strip("/").split("/"))
        body = json.loads(content) if content else None
        return Request(self.command, parts, body, self.headers.get("Idempotency-Key"))

    def _say(self, found: Answer) -> None:
        status, body = found
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Services(ThreadingHTTPServer):
    """Listens on loopback. Raises OSError when the port is taken."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.world = World()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server_address[1]}"

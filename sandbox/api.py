"""Chalice's own local server, started without what makes the plain command slow or wrong on a laptop.

    python -m sandbox.api [--project DIR] [--stage local] [--host 127.0.0.1] [--port 8000] [--fd N]

The app, the router and the gateway are Chalice's. What differs is the transport: answers leave in one packet, chunked
bodies arrive, HEAD has no body, what is too large or malformed is answered, SIGTERM lets running requests finish.
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from chalice import local
from chalice.deploy.validate import validate_routes

from sandbox import chalice_app

BODY_LIMIT_BYTES = 10 * 1024 * 1024  # API Gateway's
LINE_LIMIT_BYTES = 1024
FINISH_SECONDS = 5.0


class BodyError(ValueError):
    """The request's body cannot be read. `status` is what API Gateway answers."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Server(local.ThreadedHTTPServer):
    """Threaded, on a port or on a socket that the parent listens on already; counts the requests in work."""

    request_queue_size = 128
    inherited: socket.socket | None = None

    def __init__(self, *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._in_work = 0
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of our own name, which can take seconds."""
        if self.inherited:
            self.socket.close()
            self.socket: Any = self.inherited
        else:
            socketserver.TCPServer.server_bind(self)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def count(self, change: int) -> None:
        """One request begins or ends."""
        with self._lock:
            self._in_work += change

    def wait_for_requests(self) -> None:
        """Bounded: connections that are only kept alive are not waited for."""
        deadline = time.monotonic() + FINISH_SECONDS
        while self._in_work and time.monotonic() < deadline:
            time.sleep(0.01)


class Handler(local.ChaliceRequestHandler):
    """Chalice's request handler with a better transport."""

    server: Server
    wbufsize = -1
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        self.server.count(+1)
        try:
            self._generic_handle()
        except BodyError as error:
            # What is left of the body cannot be told from a next request.
            self.close_connection = True
            self._send_http_response(error.status, {"Connection": "close"}, f'{{"message": "{error}"}}')
        finally:
            self.wfile.flush()
            self.server.count(-1)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _answer  # noqa: N815

    def handle_expect_100(self) -> bool:
        """The client waits for this line, so it cannot stay in the buffer."""
        go_on = bool(super().handle_expect_100())
        self.wfile.flush()
        return go_on

    def _parse_payload(self) -> tuple[dict[str, Any], bytes | None]:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return dict(self.headers), read_chunks(self.rfile)
        length = self.headers.get("content-length", "0")
        if not length.isdecimal():
            raise BodyError(400, "Content-Length is not a number")
        if int(length) > BODY_LIMIT_BYTES:
            raise BodyError(413, "Request Too Long")
        return dict(self.headers), self.rfile.read(int(length)) or None

    def _send_http_response_with_body(self, code: int, headers: dict[str, Any], body: str | bytes) -> None:
        if self.command != "HEAD":
            super()._send_http_response_with_body(code, headers, body)
            return
        encoded = body if isinstance(body, bytes) else body.encode()
        self.send_response(code)
        self._send_headers({"Content-Type": "application/json", **headers, "Content-Length": str(len(encoded))})


def read_chunks(stream: BinaryIO) -> bytes | None:
    """A whole chunked body; trailers are read and dropped."""
    body = bytearray()
    while size := chunk_size(stream):
        if len(body) + size > BODY_LIMIT_BYTES:
            raise BodyError(413, "Request Too Long")
        body += stream.read(size)
        if stream.readline(LINE_LIMIT_BYTES).strip():
            raise BodyError(400, "A chunk of the body is longer than it says")
    while stream.readline(LINE_LIMIT_BYTES).strip():
        pass
    return bytes(body) or None


def chunk_size(stream: BinaryIO) -> int:
    """The next chunk's length, 0 at the end; an extension after a semicolon is allowed."""
    digits = stream.readline(LINE_LIMIT_BYTES).split(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", digits):
        raise BodyError(400, "A chunk of the body has no length")
    return int(digits, 16)


def make_server(project: Path, stage: str, host: str, port: int, listener: socket.socket | None) -> Server:
    """Listens already when it returns."""
    app, config = chalice_app.load(project, stage)
    validate_routes(app.routes)
    # As chalice.local.create_local_server does: each thread gets a current_request of its own.
    local.CustomLocalChalice.__bases__ = (local.LocalChalice, app.__class__)
    app.__class__ = local.CustomLocalChalice
    Server.inherited = listener
    return Server((host, port), functools.partial(Handler, app_object=app, config=config))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; 1 when it cannot listen."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.api")
    parser.add_argument("--project", type=Path, default=Path.cwd())
    parser.add_argument("--stage", default=chalice_app.STAGE)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="a listening socket that the parent passed on, instead of --port")
    asked = parser.parse_args(arguments)
    listener = socket.socket(fileno=asked.fd) if asked.fd is not None else None
    try:
        server = make_server(asked.project, asked.stage, asked.host, asked.port, listener)
    except OSError as error:
        print(f"api: cannot listen on {asked.host}:{asked.port}: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop that this handler interrupts, so it needs a thread of its own.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    print(f"serving on http://{asked.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.wait_for_requests()
    return 0


if __name__ == "__main__":
    sys.exit(main())

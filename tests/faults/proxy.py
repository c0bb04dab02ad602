"""An HTTP proxy before an emulator that does to requests what AWS does on a bad day.

What befalls a request is decided by a plan: a function of its operation (`PutItem`, `SendMessageBatch`, …).
"""

from __future__ import annotations

import enum
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

HANG_SECONDS = 8.0


class Fate(enum.Enum):
    """What becomes of one request."""

    PASS = "pass"
    """Goes through."""
    REFUSED = "refused"
    """500, and nothing was done."""
    THROTTLED = "throttled"
    """400 with the service's word for too much."""
    ANSWER_LOST = "answer lost"
    """Done, but the answer is a 500."""
    CUT = "cut"
    """Done, but the connection is closed without an answer."""
    HANGS = "hangs"
    """Nothing is done and nothing is answered for longer than any client waits."""
    HALF = "half"
    """Of a SendMessageBatch every second entry fails; anything else goes through."""


Plan = Callable[[str], Fate]


class FaultProxy:
    """Listens on a free port and forwards to `target_url` as `plan` allows; `befell` counts what happened."""

    def __init__(self, target_url: str, plan: Plan) -> None:
        self.plan = plan
        self.befell: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._target = urlsplit(target_url)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("ProxyHandler", (Handler,), {"proxy": self}))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fate_of(self, operation: str) -> Fate:
        """Ask the plan and count."""
        with self._lock:
            fate = self.plan(operation)
            self.befell[fate.value] += 1
            self.operations[operation] += 1
        return fate

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Make the request of the emulator, on this thread's own connection."""
        for again in (True, False):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection(str(self._target.hostname), self._target.port, timeout=60)
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._local.connection = connection
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                self._local.connection = None
                if not again:
                    raise
        raise AssertionError("unreachable")

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Lets each request of one connection meet its fate."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    proxy: FaultProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.suffer(self.proxy.fate_of(operation), operation, body)

    def suffer(self, fate: Fate, operation: str, body: bytes) -> None:
        """Let a request meet its fate."""
        match fate:
            case Fate.REFUSED:
                self.answer_error(500, "InternalServerError")
            case Fate.THROTTLED:
                self.answer_error(400, "ThrottlingException")
            case Fate.HANGS:
                time.sleep(HANG_SECONDS)
                self.close_connection = True
            case Fate.ANSWER_LOST:
                self.forward(body)
                self.answer_error(500, "InternalServerError")
            case Fate.CUT:
                self.forward(body)
                self.close_connection = True
            case Fate.HALF if operation == "SendMessageBatch":
                self.send_half(json.loads(body))
            case _:
                self.answer(*self.forward(body))

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        headers["Content-Length"] = str(len(body))
        return self.proxy.forward("POST", self.path, headers, body)

    def send_half(self, request: dict[str, Any]) -> None:
        """Forward every second entry; the others fail, as entries of a batch do on AWS."""
        entries = request["Entries"]
        status, headers, body = self.forward(json.dumps(request | {"Entries": entries[::2]}).encode())
        found = json.loads(body)
        failed = [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in entries[1::2]]
        self.answer(status, headers, json.dumps(found | {"Failed": [*found.get("Failed", []), *failed]}).encode())

    def answer_error(self, status: int, code: str) -> None:
        body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "injected"}).encode()
        self.answer(status, {"Content-Type": "application/x-amz-json-1.0"}, body)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        dropped = ("connection", "content-length", "transfer-encoding", "x-amz-crc32", "server", "date")
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in dropped:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # whoever asked has given up

    def log_message(self, *_: Any) -> None:
        return

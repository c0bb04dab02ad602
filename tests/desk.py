"""A local server for outside calls: it doubles numbers, keeps tokens that it is handed, and counts calls at once."""

from __future__ import annotations

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Desk:
    """`POST {"number": n}` gives `{"doubled": 2n}` after `delay_seconds`; `POST {"token": t}` is kept in `tokens`."""

    def __init__(self, delay_seconds: float = 0.0) -> None:
        self.tokens: queue.Queue[str] = queue.Queue()
        self.keys: set[str] = set()
        self.calls = self.at_once = self.most_at_once = 0
        self.delay_seconds = delay_seconds
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"desk": self}))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def answer(self, key: str, asked: Any) -> Any:
        """Do what one call asks for."""
        with self._lock:
            self.keys.add(key)
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if "token" in asked:
                self.tokens.put(asked["token"])
                return {"kept": True}
            time.sleep(self.delay_seconds)  # so that calls at once meet here
            return {"doubled": 2 * asked["number"]}
        finally:
            with self._lock:
                self.at_once -= 1

    def __enter__(self) -> Desk:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = json.dumps(self.desk.answer(self.headers["Idempotency-Key"], asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

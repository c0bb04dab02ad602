"""A local server that sedo's http steps call, and that counts the calls by their idempotency key."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from tests.faults.errands import FLAKY, NOBODY


class CountingServer:
    """Doubles numbers: `POST {"number": n}` gives `{"doubled": 2n}`, after `delay_seconds`. Some calls are refused.

    `POST {"token": t}` hands it a task, which is kept in `tokens`.
    """

    def __init__(self, delay_seconds: float = 0.0) -> None:
        self.calls: Counter[str] = Counter()
        self.tokens: SimpleQueue[str] = SimpleQueue()
        self.delay_seconds = delay_seconds
        self._lock = threading.Lock()
        counting = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if len(content) < int(self.headers["Content-Length"]):
                    return  # whoever called was killed in the middle of it
                asked = json.loads(content)
                status, answer = counting.take(self.headers["Idempotency-Key"], asked)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # whoever called was killed

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def take(self, key: str, asked: dict[str, Any]) -> tuple[int, Any]:
        """Keep a token, or count a call."""
        if "token" in asked:
            self.tokens.put(asked["token"])
            return 200, {}
        return self.answer(key, asked["number"])

    def answer(self, key: str, number: int) -> tuple[int, Any]:
        """Count a call and say what it gets."""
        with self._lock:
            self.calls[key] += 1
            first = self.calls[key] == 1
        time.sleep(self.delay_seconds)
        if number % NOBODY == 0:
            return 404, {"problem": "nobody there"}
        if number % FLAKY == 0 and first:
            return 503, {"problem": "busy"}
        return 200, {"doubled": 2 * number}

    def __enter__(self) -> CountingServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

"""A few keep-alive connections, each with a thread: the same for every engine, so that none pays for its SDK."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
TIMEOUT_SECONDS = 60.0


class RequestFailed(Exception):
    """The answer was not the one expected."""


class Client:
    """Connections to one server; `each` spreads work over them."""

    def __init__(self, url: str, connections: int) -> None:
        self._where = urlsplit(url).netloc
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="client")

    def each(self, work: Callable[[T], Any], items: Sequence[T]) -> list[Any]:
        """Do the work for each item, as many at once as there are connections."""
        return list(self._pool.map(work, items))

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of a good answer. Raises RequestFailed."""
        connection = self._connection()
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        content: bytes = answer.read()
        if answer.status >= 300:
            raise RequestFailed(f"{method} {path}: {answer.status} {content[:500].decode(errors='replace')}")
        return content

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._where, timeout=TIMEOUT_SECONDS)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

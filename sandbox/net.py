"""Small questions about addresses: is it free, does it answer."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listen(port: int) -> socket.socket:
    """A listening socket, or OSError at once if the port is taken."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    try:
        listen(port).close()
    except OSError:
        return False
    return True


def answers(url: str, timeout_seconds: float = 2.0, any_status: bool = False) -> bool:
    """Whether a GET gives 200, or, with any_status, any HTTP answer at all."""
    return fetch(url, timeout_seconds, any_status) is not None


def fetch(url: str, timeout_seconds: float = 2.0, any_status: bool = False) -> bytes | None:
    """The body of a GET, or None where nobody answers so."""
    try:
        # No proxy of the environment: these are addresses of this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=timeout_seconds) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as refused:
        return refused.read() if any_status else None
    except (OSError, http.client.HTTPException):
        return None

"""Outgoing connections: only to public addresses, and cut off when a call's time is over.

The address is checked where the connection is made, on the very address it goes to: a name that resolves to something
else a moment later gains nothing. Time is cut from outside, because a peer that sends one byte a second never lets a
socket's own timeout run out.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from chalicelib.engine.errors import SedoError
from chalicelib.ports import CALLS_AT_ONCE

_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # of which some versions of Python know only a part
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_current = threading.local()


class Forbidden(SedoError):
    """The address is not one that definitions may call."""


class Call:
    """One call on the current thread, with the socket it uses at the moment."""

    def __init__(self) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def uses(self, sock: socket.socket | None) -> None:
        """Remember the socket; one that comes after the end is cut at once."""
        with self._lock:
            self._socket = sock
            if self.expired:
                _cut(sock)

    def expire(self) -> None:
        """Cut the connection: the thread that reads from it sees its end."""
        with self._lock:
            self.expired = True
            _cut(self._socket)


@contextmanager
def limited(seconds: float) -> Iterator[Call]:
    """Cut what this thread's connections do after so many seconds."""
    call = _current.call = Call()
    timer = threading.Timer(max(seconds, 0.0), call.expire)
    timer.daemon = True
    timer.start()
    try:
        yield call
    finally:
        timer.cancel()
        _current.call = None


def is_public(address: str) -> bool:
    """Say whether an IP address is a public one, also when it is an IPv4 address wrapped in IPv6."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        same = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
        if same is not None:
            return is_public(str(same))
        inner = ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None and not is_public(str(inner)):
            return False
    local = ip.is_loopback or ip.is_link_local or (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local)
    return ip.is_global and ip not in _PROTOCOLS and not (ip.is_multicast or ip.is_reserved or local)


Resolve = Callable[[str, int], list[str]]
"""Takes a host and a port, returns addresses. Raises OSError (gaierror) and UnicodeError."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name; of an address in whatever spelling, for its usual one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def pool_manager(*, allow_private: bool, resolve: Resolve = resolve) -> urllib3.PoolManager:
    """Return a pool that keeps connections open; without `allow_private` it refuses addresses that are not public."""
    manager = urllib3.PoolManager(num_pools=64, maxsize=CALLS_AT_ONCE, retries=False)
    http, https = (_AnyHTTP, _AnyHTTPS) if allow_private else (_PublicHTTP, _PublicHTTPS)
    with_names = {"resolve": staticmethod(resolve)}
    pools: dict[str, Any] = {
        "http": type("HttpPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": type("Http", (http,), with_names)}),
        "https": type(
            "HttpsPool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": type("Https", (https,), with_names)}
        ),
    }
    manager.pool_classes_by_scheme = pools
    return manager


class _Watched(HTTPConnection):
    """Tells the current call which socket it uses."""

    def connect(self) -> None:
        super().connect()
        self._tell()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell()
        super().request(*args, **kwargs)

    def _tell(self) -> None:
        call: Call | None = getattr(_current, "call", None)
        if call is not None:
            call.uses(self.sock)


class _Checked(_Watched):
    """Connects to public addresses only; raises Forbidden when a name has no other."""

    resolve: Resolve

    def _new_conn(self) -> socket.socket:
        forbidden = None
        failure: Exception | None = None
        for address in _addresses(self):
            if not is_public(address):
                forbidden = address
                continue
            try:
                return create_connection((address, self.port), self.timeout, None, self.socket_options)
            except TimeoutError as error:
                failure = ConnectTimeoutError(self, f"connecting to {self.host} took too long")
                failure.__cause__ = error
            except OSError as error:
                failure = NewConnectionError(self, f"connecting to {self.host} failed: {error}")
                failure.__cause__ = error
        if failure is not None:
            raise failure
        raise Forbidden(f"{self.host} is at {forbidden}, which is not a public address")


class _AnyHTTP(_Watched):
    """HTTP to any address."""


class _AnyHTTPS(_Watched, HTTPSConnection):
    """HTTPS to any address."""


class _PublicHTTP(_Checked):
    """HTTP to public addresses."""


class _PublicHTTPS(_Checked, HTTPSConnection):
    """HTTPS to public addresses."""


def _addresses(connection: _Checked) -> list[str]:
    try:
        return connection.resolve(connection.host.strip("[]"), connection.port)
    except (socket.gaierror, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, reason) from error


def _cut(sock: socket.socket | None) -> None:
    """Shut a socket down under its reader; of a TLS socket the plain one beneath (its own way is not thread-safe)."""
    if sock is None:
        return
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already

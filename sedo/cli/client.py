"""HTTP to one tenant of one sedo. GETs that are told to come again later do so; nothing else is sent twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError

from sedo.cli import problems
from sedo.cli.errors import BadInput, Refused, Unreachable

CONNECT_SECONDS, READ_SECONDS = 5.0, 35.0
LONGEST_RETRY_AFTER_SECONDS = 10
LARGEST_PAGE = 500
_NO_BODY = object()
# Only with Retry-After, which the empty list leaves to the header alone; what was sent may have been done.
PATIENCE = urllib3.Retry(
    total=3,
    connect=0,
    read=0,
    redirect=0,
    other=0,
    allowed_methods={"GET"},
    status_forcelist=(),
    raise_on_status=False,
    raise_on_redirect=False,
    retry_after_max=LONGEST_RETRY_AFTER_SECONDS,
)


class Client:
    """A client of `/sedo/tenants/{tenant}`; paths are given in parts, which are escaped here."""

    def __init__(self, url: str, tenant: str, token: str | None = None, actor: str | None = None) -> None:
        self.url = _checked(url)
        self.base = f"{self.url}/sedo/tenants/{quote(tenant, safe='')}"
        self._headers = {"Accept": "application/json", "User-Agent": "sedo-cli"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if actor:
            self._headers["X-Sedo-Actor"] = actor
        self._pool = _pool(self.url)

    def get(self, *path: str | int, **query: Any) -> Any:
        """Return the body of a GET."""
        return self.page(self.address(*path, **query))[0]

    def post(self, *path: str | int, body: Any = _NO_BODY) -> Any:
        """POST a value as JSON, also null; without one the request has no body."""
        content = None if body is _NO_BODY else json.dumps(body, ensure_ascii=False).encode()
        return self.send("POST", self.address(*path), content, "application/json")[0]

    def pages(self, *path: str | int, limit: int, **query: Any) -> Iterator[Any]:
        """Yield up to `limit` items of a list, as many pages as that takes."""
        following: str | None = self.address(*path, limit=min(limit, LARGEST_PAGE), **query)
        left = limit
        while following and left > 0:
            items, following = self.page(following)
            yield from items[:left]
            left -= len(items)

    def page(self, url: str) -> tuple[Any, str | None]:
        """Return the body of a GET and the address of the next page, if there is one."""
        return self.send("GET", url)

    def address(self, *path: str | int, **query: Any) -> str:
        """Return a URL; query parameters that are None are left out, lists are repeated."""
        known = {name: value for name, value in query.items() if value not in (None, (), [])}
        ending = f"?{urlencode(known, doseq=True)}" if known else ""
        return "/".join([self.base, *(quote(str(part), safe="") for part in path)]) + ending

    def send(
        self, method: str, url: str, content: bytes | None = None, media_type: str | None = None
    ) -> tuple[Any, str | None]:
        """Return a body and the next page's address. Raises Refused (4xx) and Unreachable (anything else)."""
        headers = self._headers | ({"Content-Type": media_type} if content is not None and media_type else {})
        try:
            answer = self._pool.request(method, url, body=content, headers=headers)
        except HTTPError as error:
            raise _no_answer(self.url, error) from None
        if 200 <= answer.status < 300:
            return self._body(answer), self._next_page(url, answer.headers)
        if 300 <= answer.status < 400:
            target = answer.headers.get("Location", "elsewhere")
            raise Unreachable(f"{self.url} redirects to {target}: is that the address to give as SEDO_URL?")
        problem = problems.parse(answer.status, answer.data)
        kind = Refused if answer.status < 500 else Unreachable
        raise kind(problems.sentences(problem), problem)

    def _body(self, answer: urllib3.BaseHTTPResponse) -> Any:
        if answer.status == 204 or not answer.data:
            return None
        try:
            return json.loads(answer.data)
        except ValueError:
            raise Unreachable(f"{self.url} answers, but not in JSON: is there a sedo at this address?") from None

    def _next_page(self, url: str, headers: Mapping[str, str]) -> str | None:
        """Return what a header like `<…>; rel="next"` means; never another server, which would get the token."""
        found = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', headers.get("Link", ""))
        if found is None:
            return None
        following: str = urljoin(url, found[1])
        if urlsplit(following)[:2] != urlsplit(url)[:2]:
            raise Unreachable(f"{self.url} names a next page on another server: {following}")
        return following


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or re.search(r"[\s?#]", url):
        raise BadInput(f"expected a URL like https://sedo.example/api, found {url!r} (SEDO_URL or --url)")
    return url.rstrip("/")


def _pool(url: str) -> urllib3.PoolManager:
    """Return connections, through the proxy that the environment names for such an address."""
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, timeout=timeout, retries=PATIENCE)
    return urllib3.PoolManager(timeout=timeout, retries=PATIENCE)


def _no_answer(url: str, error: HTTPError) -> BadInput | Unreachable:
    if isinstance(error, LocationParseError):
        return BadInput(f"expected a URL, found {url!r} (SEDO_URL or --url)")
    reason: Any = error.reason if isinstance(error, MaxRetryError) else error
    words = str(reason).rsplit(": ", 1)[-1] if reason else type(error).__name__
    words = re.sub(r"^\[Errno -?\d+\] ", "", words)
    return Unreachable(f"no answer from {url}: {words}", {"title": "no answer", "detail": f"{url}: {words}"})

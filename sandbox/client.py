"""A small HTTP client for the API: JSON answers, problems in words, pages of lists."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin

TIMEOUT_SECONDS = 35.0


class Refused(Exception):
    """The API said no (4xx). The text says why, problem by problem."""


class Unreachable(Exception):
    """No answer, or one that only a broken server gives (5xx, not JSON)."""


def request(url: str, body: bytes | None = None, media_type: str = "application/json") -> tuple[Any, str | None]:
    """The answer's JSON, and the address of the next page if there is one. A body makes it a POST."""
    headers = {"Accept": "application/json"} | ({"Content-Type": media_type} if body is not None else {})
    asked = urllib.request.Request(url, body, headers)  # noqa: S310 - made from options that are checked
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read()), next_page(url, answer.headers.get("Link"))
    except urllib.error.HTTPError as error:
        text = in_words(error.code, error.read())
        raise (Refused if error.code < 500 else Unreachable)(text) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{url}: {error}") from None


def next_page(url: str, link: str | None) -> str | None:
    """From a header like `<…>; rel="next"`."""
    found = re.search(r'<([^>]*)>\s*;\s*rel="next"', link or "")
    return urljoin(url, found[1]) if found else None


def in_words(status: int, body: bytes) -> str:
    """A problem's title and detail, then one line for each of its errors."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return f"HTTP {status}: {body[:300].decode(errors='replace')}"
    head = ": ".join(str(problem[key]) for key in ("title", "detail") if problem.get(key)) or str(problem)
    errors = [error for error in problem.get("errors") or [] if isinstance(error, dict)]
    return "\n".join([head, *(f"  {error_in_words(error)}" for error in errors)])


def error_in_words(error: dict[str, Any]) -> str:
    """Like `/steps/0/seconds (line 12, column 5): expected …`."""
    where = ", ".join(f"{key} {error[key]}" for key in ("line", "column") if key in error)
    place = f"{error.get('path', '')}{f' ({where})' if where else ''}".strip()
    return f"{place}: {error.get('message', error)}" if place else str(error.get("message", error))

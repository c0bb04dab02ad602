"""What a service says when it says no, made readable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_HINTS = {
    401: "who are you? Set SEDO_TOKEN",
    403: "not allowed, or no such route: are SEDO_URL and SEDO_TOKEN right?",
    404: "not found: is SEDO_URL right?",
    429: "too many requests: try again later",
}


def parse(status: int, body: bytes) -> dict[str, Any]:
    """Return the problem+json of an answer, or one made of what a gateway said instead."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and "title" in found:
        return found
    said = found.get("message", found.get("Message")) if isinstance(found, dict) else None
    title = f"HTTP {status}" + (f", {said}" if said else "")
    detail = _HINTS.get(status, "no reason was given" if status < 500 else "the service is not well")
    return {"detail": detail, "status": status, "title": title}


def sentences(problem: Mapping[str, Any], file: str | None = None) -> str:
    """Return the title, then a line for each error, else the detail; lines and columns are those of `file`.

    A detail that says what the title says stands alone.
    """
    errors = [error for error in problem.get("errors") or [] if isinstance(error, dict)]
    title, detail = str(problem["title"]), problem.get("detail")
    if errors:
        return "\n".join([title, *(f"  {_error(error, file)}" for error in errors)])
    after = f" (request {problem['requestId']})" if problem.get("requestId") else ""
    lines = [line for line in str(detail or "").splitlines() if line.strip()]
    if len(lines) > 1:
        return "\n".join([title + after, *(f"  {line}" for line in lines)])
    if lines and _repeats(lines[0], title):
        return lines[0] + after
    return ": ".join([title, *lines]) + after


def _repeats(detail: str, title: str) -> bool:
    """Say whether all words of the title come in the detail, in their order: `execution 7 has ended: …`."""
    words = iter(detail.lower().replace(":", " ").split())
    return all(word in words for word in title.lower().split())


def _error(error: Mapping[str, Any], file: str | None) -> str:
    """Return like `order.yaml:12:5: /steps/0/seconds: expected …`."""
    path, line, column = error.get("path"), error.get("line"), error.get("column")
    place = ""
    if line is not None:
        place = f"{file}:{line}:{column}: " if file else f"line {line}, column {column}: "
    return place + (f"{path}: " if path else "") + str(error.get("message", json.dumps(error)))

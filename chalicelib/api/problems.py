"""Exceptions → application/problem+json. This table is the only place that gives errors their status code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib import inbox, redriving, service, signals
from chalicelib.engine.errors import DefinitionInvalid, Problem, SedoError
from chalicelib.ports import BadCursor, Unavailable

log = logging.getLogger("sedo.api")

TABLE: tuple[tuple[type[Exception], int, str], ...] = (
    (service.NotFound, 404, "not found"),
    (service.NameTaken, 409, "name is taken"),
    (service.AlreadyEnded, 409, "execution has ended"),
    (inbox.TaskConflict, 409, "task is taken or answered"),
    (inbox.TaskGone, 410, "task is not open any more"),
    (redriving.CannotRedrive, 409, "execution cannot be redriven"),
    (signals.MailboxFull, 409, "mailbox is full"),
    (service.InputRejected, 400, "input does not pass inputSchema validation"),
    (service.Unreadable, 503, "execution cannot be read"),
)
RETRY_AFTER = {"Retry-After": "1"}
MAX_SHOWN_PROBLEMS = 20


@dataclass
class Refused(SedoError):
    """A request that is answered without asking the use cases."""

    status: int
    title: str
    detail: str
    problems: Sequence[Problem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def from_exception(error: Exception, locate: Callable[[Problem], Problem], request_id: str | None) -> Refused:
    """Return what to answer; what nobody raises on purpose is logged with its trace and answered 500."""
    match error:
        case Refused():
            return error
        case DefinitionInvalid():
            return invalid("definition is not valid", [locate(problem) for problem in error.problems])
        case BadCursor():
            problem = Problem("/query/cursor", str(error), expected="a cursor from a Link header")
            return invalid("request is not valid", [problem])
    for kind, status, title in TABLE:
        if isinstance(error, kind):
            return Refused(status, title, str(error))
    if isinstance(error, SedoError):
        if not isinstance(error, Unavailable):
            log.error("request %s failed", request_id, exc_info=error)
        return Refused(503, "service is unavailable", f"try again: {error}", headers=RETRY_AFTER)
    log.error("request %s failed", request_id, exc_info=error)
    return Refused(500, "internal error", f"this is a fault of the service; request {request_id} is in its log")


def invalid(title: str, problems: Sequence[Problem]) -> Refused:
    """Return a 400 that shows each problem in a line of `detail`, and all of them in `errors`."""
    lines = [_line(problem) for problem in problems[:MAX_SHOWN_PROBLEMS]]
    if len(problems) > MAX_SHOWN_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_SHOWN_PROBLEMS} more")
    return Refused(400, title, "\n".join(lines), problems)


def document(refused: Refused, request_id: str | None) -> dict[str, Any]:
    """Return the problem's body: the seed's four fields, `errors` if known, `requestId` where a log knows more."""
    body: dict[str, Any] = {
        "detail": refused.detail,
        "status": refused.status,
        "title": refused.title,
        "type": None,
    }
    if refused.problems:
        body["errors"] = [problem.document() for problem in refused.problems]
    if refused.status >= 500 and request_id:
        body["requestId"] = request_id
    return body


def _line(problem: Problem) -> str:
    where = f" (line {problem.line}, column {problem.column})" if problem.line else ""
    return f"{problem.path or '/'}: {problem.message}{where}"

"""Failures: entries of `catch` and `retry` that no error comes to, and calls that are not tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chalicelib.engine import errors
from chalicelib.engine.errors import PROCESSING_FAILED, matches
from chalicelib.engine.hints import LIKENESS, meant
from sedo.lint.ahead import Ahead
from sedo.lint.kinds import Spec, kind_of

Found = Iterator[tuple[str, str]]
NEAR = 0.85
"""So alike a name must be to one of ours, where any name may come and most are nobody's slip."""
OWN = (
    errors.CHOICE_NO_MATCH,
    errors.DATA_INVALID,
    errors.DATA_TOO_LARGE,
    errors.DEFINITION_UNKNOWN,
    errors.EXECUTION_TIMEOUT,
    errors.CANCELLED,
    errors.TOO_DEEP,
    errors.TOO_MANY_TRANSITIONS,
    errors.EXPRESSION_FAILED,
    errors.INPUT_INVALID,
    errors.PROCESSING_FAILED,
    errors.SECRETS_NOT_FOUND,
    errors.SECRETS_UNAVAILABLE,
    errors.TASK_FAILED,
    errors.TASK_TIMEOUT,
    errors.HEARTBEAT_TIMEOUT,
    *("Http.4xx", "Http.5xx", "Http.ConnectionFailed", "Http.Forbidden", "Http.TooManyRedirects"),
    *("Lambda.Forbidden", "Queue.Forbidden", "Queue.NotFound"),
)
"""The names that are the engine's own, beside statuses and what functions and queues say."""
_STATUS = re.compile(r"Http\.\d")


def dead_catch(ahead: Ahead) -> Found:
    """An error in a catch that the step cannot raise, or that an entry before takes."""
    yield from _all_dead(ahead, "catch", ())


def dead_retry(ahead: Ahead) -> Found:
    """The same of a retry; and what processing gave up is never tried again."""
    yield from _all_dead(ahead, "retry", (PROCESSING_FAILED,))


def no_retry(ahead: Ahead) -> Found:
    """A call to the outside that is made once: what is down for a second fails the step."""
    for path, spec in ahead.steps():
        if kind_of(spec).calls and not spec.get("retry"):
            yield path, f"{spec['id']!r} calls something outside and has no retry"


def _all_dead(ahead: Ahead, field: str, never: tuple[str, ...]) -> Found:
    raised = {str(spec.get("error")) for _, spec in ahead.steps() if spec["type"] == "fail"}
    for path, spec in ahead.steps():
        yield from _dead(path, spec, field, never)
        if kind_of(spec).errors(spec) is None:
            yield from _slips(path, spec, field, raised)


def _slips(path: str, spec: Spec, field: str, raised: set[str]) -> Found:
    """Yield the names that look like ours and are not, where any name may come."""
    for i, entry in enumerate(spec.get(field, [])):
        for j, pattern in enumerate(entry["errors"]):
            name = _meant(pattern, OWN, NEAR)
            if name is not None and pattern not in raised:
                at = f"{path}/{field}/{i}/errors/{j}"
                yield at, f"no error of the name {pattern!r} is known, did you mean {name!r}?"


def _meant(pattern: str, names: Sequence[str], likeness: float) -> str | None:
    """Return the name that was meant, but for what is a good name or the family of one."""
    if any(matches([pattern], name) for name in OWN):
        return None
    same = [name for name in names if name.lower() == pattern.lower()]
    return same[0] if same else None if _STATUS.match(pattern) else meant(pattern, names, likeness)


def _dead(path: str, spec: Spec, field: str, never: tuple[str, ...]) -> Found:
    possible = kind_of(spec).errors(spec)
    before: list[str] = []
    for i, entry in enumerate(spec.get(field, [])):
        for j, pattern in enumerate(entry["errors"]):
            at = f"{path}/{field}/{i}/errors/{j}"
            if any(matches([other], pattern) for other in before):
                yield at, f"{pattern!r} never comes here: what stands before it takes it"
            elif pattern in never or not _possible(pattern, possible, never):
                yield at, f"{pattern!r} never comes here: {_reason(spec, pattern, field, never)}"
            before.append(pattern)


def _possible(pattern: str, possible: Sequence[str] | None, never: tuple[str, ...]) -> bool:
    """Say whether any error that a step can raise is covered; None stands for all errors."""
    if possible is None:
        return True
    return any(_covers(pattern, name) for name in possible if name not in never)


def _covers(pattern: str, name: str) -> bool:
    """Say whether a pattern covers an error, or some of the errors that `Lambda.*` stands for."""
    family = name.removesuffix(".*")
    return matches([pattern], name) or (family != name and matches([family], pattern))


def _reason(spec: Spec, pattern: str, field: str, never: tuple[str, ...]) -> str:
    if pattern in never:
        return f"a {field} does not apply to it"
    names = [name for name in OWN if _possible(name, kind_of(spec).errors(spec), never)]
    name = _meant(pattern, names, LIKENESS)
    return f"{spec['id']!r} cannot fail with it" + ("" if name is None else f", did you mean {name!r}?")

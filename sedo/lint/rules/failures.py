"""Failures: entries of `catch` and `retry` that no error comes to, and calls that are not tried again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.engine.errors import PROCESSING_FAILED, matches
from sedo.lint.ahead import Ahead
from sedo.lint.kinds import Spec, kind_of

Found = Iterator[tuple[str, str]]


def dead_catch(ahead: Ahead) -> Found:
    """An error in a catch that the step cannot raise, or that an entry before takes."""
    for path, spec in ahead.steps():
        yield from _dead(path, spec, "catch", ())


def dead_retry(ahead: Ahead) -> Found:
    """The same of a retry; and what processing gave up is never tried again."""
    for path, spec in ahead.steps():
        yield from _dead(path, spec, "retry", (PROCESSING_FAILED,))


def no_retry(ahead: Ahead) -> Found:
    """A call to the outside that is made once: what is down for a second fails the step."""
    for path, spec in ahead.steps():
        if kind_of(spec).calls and not spec.get("retry"):
            yield path, f"{spec['id']!r} calls something outside and has no retry"


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
    return f"{spec['id']!r} cannot fail with it"

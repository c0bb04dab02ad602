"""An input or an answer that a service refuses: the schema that it does not pass is fetched, and says each problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sedo.cli.ask import misfits
from sedo.cli.errors import Failure, Refused

BAD_REQUEST = 400


@contextmanager
def explaining(value: Any, schema: Callable[[], Any]) -> Iterator[None]:
    """Let a refusal of `value` say each problem on a line of its own; one that says them itself stays as it is."""
    try:
        yield
    except Refused as refused:
        raise _explained(refused, value, schema) from None


def _explained(refused: Refused, value: Any, schema: Callable[[], Any]) -> Refused:
    document = refused.document or {}
    if document.get("status") != BAD_REQUEST or document.get("errors"):
        return refused
    try:
        found = misfits(schema(), value)
    except Failure:  # what was said first is what matters
        return refused
    lines = dict.fromkeys(f"  {problem.path}: {problem.message}".replace("  : ", "  ") for problem in found)
    return Refused("\n".join([str(document["title"]), *lines]), document) if lines else refused

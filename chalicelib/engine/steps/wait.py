"""`wait`: goes on later, after `seconds` or at the timestamp `until` (RFC 3339 with its zone)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, is_constant
from chalicelib.engine.steps.base import Compiler, Done, Enter, Fail, Outcome, Sleep, StepType

MAX_WAIT_SECONDS = 100 * 366 * 86_400
_SECONDS = f"a number from 0 to {MAX_WAIT_SECONDS}"
_TIME = "a time of RFC 3339 with its zone like 2030-01-31T08:00:00+01:00"
_EITHER = "a wait needs either seconds or until"
_LATEST = datetime.fromisoformat("9000-01-01T00:00:00Z")
_DATE = r"\d{4}-\d{2}-\d{2}"
_HOUR_AND_MINUTE = r"([01]\d|2[0-3]):[0-5]\d"
_RFC_3339 = re.compile(
    rf"{_DATE}T{_HOUR_AND_MINUTE}:\d{{2}}(\.\d+)?(Z|[+-]{_HOUR_AND_MINUTE})", re.ASCII | re.IGNORECASE
)


def compile_wait(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `seconds` or `until`; a constant is checked here, an expression when the step is entered."""
    if ("seconds" in spec) == ("until" in spec):
        found = "both" if "seconds" in spec else "neither"
        compiler.complain(compiler.path, _EITHER, found, ["seconds", "until"])
        return _never
    name = "seconds" if "seconds" in spec else "until"
    read: Callable[[Any, int], int | Fail] = _seconds if name == "seconds" else _until
    expected = _SECONDS if name == "seconds" else _TIME
    template = compiler.template(spec[name], f"/{name}")
    if is_constant(template):
        checked = read(template({}), 0)
        if isinstance(checked, Fail):
            compiler.complain(f"{compiler.path}/{name}", checked.cause, template({}), expected)

    def enter(scope: Scope, now_ms: int) -> Outcome:
        until = read(template(scope), now_ms)
        if isinstance(until, Fail):
            return until
        return Sleep(until) if until > now_ms else Done()

    return enter


def _never(_scope: Scope, _now_ms: int) -> Outcome:
    return Fail(EXPRESSION_FAILED, _EITHER)


def _seconds(value: Any, now_ms: int) -> int | Fail:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_WAIT_SECONDS:
        found = f"{values.text(value):.80}"
        return Fail(EXPRESSION_FAILED, f"seconds must be {_SECONDS}, found {found}")
    return now_ms + round(value * 1000)


def _until(value: Any, _now_ms: int) -> int | Fail:
    moment = _moment(value)
    if moment is not None and moment <= _LATEST:
        return round(moment.timestamp() * 1000)
    found = f"{values.text(value):.80}"
    return Fail(EXPRESSION_FAILED, f"until must be {_TIME}, found {found}")


def _moment(value: Any) -> datetime | None:
    """Return the moment that a text names; None for a text that names none, and for what is no text."""
    if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
        return None
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        return None


WAIT = StepType(
    name="wait",
    properties={"seconds": {"type": ["number", "string"]}, "until": {"type": "string"}},
    compile=compile_wait,
    pure=False,
)

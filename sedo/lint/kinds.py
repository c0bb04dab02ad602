"""The table of step types as the linter knows them: the shape of their result, their errors, and what they are for.

A type that is not listed gives anything, may fail with anything and is never warned about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine import errors, values
from sedo.lint import shapes
from sedo.lint.schema_shapes import of_schema
from sedo.lint.shapes import ANYTHING, NULL, NUMBER, TEXT, Shape

Spec = Mapping[str, Any]

_ALWAYS = (errors.EXPRESSION_FAILED, errors.DATA_TOO_LARGE, errors.DATA_INVALID, errors.PROCESSING_FAILED)
MAX_REQUEST_BYTES = 1_048_576

ERROR = shapes.record({"name": TEXT, "cause": TEXT, "step": shapes.join(TEXT, NULL)})
"""What `error` is in a catch."""
SECRETS = shapes.ANY_OBJECT


@dataclass(frozen=True, slots=True)
class Kind:
    """One step type.

    `result` makes the raw result of the spec and of what its nested lists give; None: it hands on its input.
    `errors` lists all names that it can fail with, `Lambda.*` for all below one; None: it may be any. `calls` reaches
    something outside, `starts` begins an execution, which has retries of its own. `waits` takes its time whatever
    comes, `reads` uses its input without an expression that says so, `wanted` is done for its result alone. `raw`
    fields hold no templates; `shown` ones do, though elsewhere they are plain text. `sees` are further names known in a
    field. `largest` bounds a field, in bytes.
    """

    result: Callable[[Spec, Sequence[Shape]], Shape] | None = None
    errors: Callable[[Spec], Sequence[str] | None] = lambda _spec: None
    calls: bool = False
    starts: bool = False
    waits: Callable[[Spec], bool] = lambda _spec: False
    reads: Callable[[Spec], bool] = lambda _spec: False
    wanted: Callable[[Spec], bool] = lambda _spec: False
    raw: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    sees: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)


def _always(_spec: Spec) -> bool:
    return True


def _anything(_spec: Spec, _nested: Sequence[Shape]) -> Shape:
    return ANYTHING


def _http_result(_spec: Spec, _nested: Sequence[Shape]) -> Shape:
    headers = Shape(members=shapes.Members(openness=shapes.OPEN, rest=TEXT))
    return shapes.record({"status": NUMBER, "headers": headers, "body": ANYTHING})


def _http_errors(spec: Spec) -> Sequence[str]:
    """Every status that is no success, and what happens without one."""
    good = {str(code) for code in spec.get("successCodes", ["2xx"])}
    statuses = [str(status) for status in range(100, 600)]
    bad = [f"Http.{status}" for status in statuses if status not in good and f"{status[0]}xx" not in good]
    return [*bad, "Http.ConnectionFailed", "Http.Forbidden", "Http.TooManyRedirects", "Secrets.*", *_OUTSIDE]


_OUTSIDE = (errors.TASK_FAILED, errors.TASK_TIMEOUT, *_ALWAYS)


def _wait_errors(spec: Spec) -> Sequence[str]:
    return [*_ALWAYS, errors.TASK_TIMEOUT] if "timeoutSeconds" in spec else _ALWAYS


def _choice_errors(spec: Spec) -> Sequence[str]:
    return _ALWAYS if "default" in spec else [*_ALWAYS, errors.CHOICE_NO_MATCH]


def _human_result(spec: Spec, _nested: Sequence[Shape]) -> Shape:
    return of_schema(spec.get("inputSchema", True))


def _waited_for(spec: Spec) -> bool:
    return spec.get("wait", True) is not False


def _child_result(spec: Spec, _nested: Sequence[Shape]) -> Shape:
    return ANYTHING if _waited_for(spec) else TEXT


def _joined(spec: Spec, nested: Sequence[Shape]) -> Shape:
    return shapes.array(shapes.join_all(nested), len(spec.get("branches", [])))


def _mapped(spec: Spec, nested: Sequence[Shape]) -> Shape:
    item = shapes.join_all(nested)
    tolerated = spec.get("toleratedFailurePercentage", 0) != 0
    return shapes.array(shapes.join(item, shapes.record({"error": ERROR})) if tolerated else item)


_SECRET = {"secrets": SECRETS}
_TASK = {"task": shapes.record({"token": TEXT})}
KINDS: dict[str, Kind] = {
    "echo": Kind(errors=lambda _: _ALWAYS, largest={"message": values.MAX_VALUE_BYTES}),
    "pass": Kind(errors=lambda _: _ALWAYS, wanted=lambda spec: "output" in spec),
    "wait": Kind(errors=_wait_errors, waits=lambda spec: spec.get("seconds") != 0),
    "choice": Kind(errors=_choice_errors, raw=frozenset({"default"})),
    "succeed": Kind(errors=lambda _: _ALWAYS),
    "fail": Kind(errors=lambda _: ()),
    "http": Kind(
        result=_http_result,
        errors=_http_errors,
        calls=True,
        wanted=lambda spec: spec.get("method", "GET") == "GET",
        raw=frozenset({"successCodes", "method"}),
        sees=dict.fromkeys(("headers", "auth", "body"), _SECRET),
        largest=dict.fromkeys(("url", "query", "headers", "body"), MAX_REQUEST_BYTES),
    ),
    "lambda": Kind(
        result=_anything,
        errors=lambda _: ["Lambda.*", *_OUTSIDE],
        calls=True,
        reads=lambda spec: "payload" not in spec,
        largest={"payload": MAX_REQUEST_BYTES},
    ),
    "queue": Kind(
        result=lambda _spec, _nested: shapes.record({"messageId": TEXT}),
        errors=lambda _: ["Queue.*", *_OUTSIDE],
        calls=True,
        largest={"message": MAX_REQUEST_BYTES},
    ),
    "callback": Kind(result=_anything, calls=True, waits=_always, reads=_always, sees={"via": _SECRET | _TASK}),
    "human": Kind(
        result=_human_result,
        waits=_always,
        reads=_always,
        wanted=lambda spec: "inputSchema" in spec,
        raw=frozenset({"inputSchema", "uiSchema", "roles"}),
        shown=frozenset({"description"}),
    ),
    "signal": Kind(result=_anything, errors=_wait_errors, waits=_always, raw=frozenset({"name"})),
    "execute": Kind(result=_child_result, starts=True, waits=_waited_for, reads=_always),
    "parallel": Kind(result=_joined, raw=frozenset({"branches"})),
    "map": Kind(result=_mapped, raw=frozenset({"steps"})),
}
UNKNOWN = Kind(result=_anything, reads=_always)
ENDS = frozenset({"succeed", "fail"})
_COMMON = frozenset(["id", "type", "description", "next", "end", "retry", "catch", "timeoutSeconds"])


def kind_of(spec: Spec) -> Kind:
    """Return what is known of a step's type."""
    return KINDS.get(spec.get("type", ""), UNKNOWN)


def own_templates(spec: Spec) -> dict[str, Any]:
    """Return the fields of a step, but for `output` and `stash`, that may hold expressions, by pointer."""
    kind = kind_of(spec)
    left_out = (_COMMON - kind.shown) | kind.raw | {"input", "output", "stash", "choices"}
    found = {f"/{name}": value for name, value in spec.items() if name not in left_out}
    return found | {f"/choices/{i}/when": arm.get("when") for i, arm in enumerate(spec.get("choices", []))}

"""What can still be said about steps whose shape is wrong: their ends, expressions, targets and answers.

They are not compiled, so without this an author would hear of a second problem of a step only after mending the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.engine.checks import MAX_PROBLEMS, complaints
from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.expressions import SECRETS, compile_template
from chalicelib.engine.flow import check_end, said_targets
from chalicelib.engine.hints import hint, meant
from chalicelib.engine.lists import lists_in, type_of
from chalicelib.engine.patterns import PatternBudget
from chalicelib.engine.schemas import compile_schema
from chalicelib.engine.shape import COMMON
from chalicelib.engine.steps.base import Compiler

_NO_TEMPLATES = frozenset({"branches", "inputSchema", "steps", "uiSchema"})
_PLAIN = COMMON.keys() - {"input", "output", "stash", "catch"}
_MORE = {"output": {"output"}, "stash": {"output"}, "catch": {"error"}}
_MORE |= {name: {SECRETS} for name in ("auth", "body", "headers")} | {"via": {SECRETS, "task"}}


def broken_problems(
    document: Mapping[str, Any], broken: frozenset[str], bad: set[str], patterns: PatternBudget
) -> list[Problem]:
    """Return the problems of the steps at the paths `broken` that have nothing to do with `bad`, all wrong paths."""
    problems: list[Problem] = []
    for found in lists_in(document) if broken else ():
        ids = [spec["id"] for spec in found.specs if isinstance(spec, dict) and isinstance(spec.get("id"), str)]
        for i, spec in enumerate(found.specs):
            path = f"{found.path}/{i}"
            if path in broken and isinstance(spec, dict):
                problems += _end(spec, path)
                problems += _templates(spec, path, found.names, bad)
                problems += _targets(spec, path, ids)
                problems += _answers(spec, path, bad, patterns)
    return problems


def _end(spec: Mapping[str, Any], path: str) -> list[Problem]:
    step_type = type_of(spec)
    if step_type is None:
        return []
    known = [*COMMON, *step_type.properties]
    meant_to_be = {name: name if name in known else meant(name, known) for name in spec}
    return check_end(step_type, [field for field in ("next", "end") if field in meant_to_be.values()], path)


def _answers(spec: Mapping[str, Any], path: str, bad: set[str], patterns: PatternBudget) -> list[Problem]:
    step_type, at = type_of(spec), f"{path}/inputSchema"
    if step_type is None or not step_type.answered or at in bad or "inputSchema" not in spec:
        return []
    problems: list[Problem] = []
    compile_schema(spec["inputSchema"], at, problems, patterns)
    return problems


def _templates(spec: Mapping[str, Any], path: str, names: frozenset[str], bad: set[str]) -> list[Problem]:
    found: list[Problem] = []
    complain = complaints(found)
    fields = _fields(spec)
    step_type = type_of(spec)
    own = () if step_type is None else step_type.properties
    if step_type is not None and not any(f"{at}/".startswith(f"{path}/{name}/") for at in bad for name in own):
        step_type.compile(spec, Compiler(path, complain, names))  # what is its own has the right shape
        fields = {name: field for name, field in fields.items() if name not in own}
    for name, field in fields.items():
        compile_template(spec[name], names | _MORE.get(field, set()), path + pointer(name), complain)
    return found


def _fields(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a step that may hold expressions, each with the field that it is or was meant to be."""
    step_type = type_of(spec)
    own = [] if step_type is None else list(step_type.properties)
    known = [*spec] if step_type is None else [*COMMON, *own]
    fields = {name: name if name in known else meant(name, known) for name in spec}
    without = _NO_TEMPLATES | (_PLAIN - set(own)) | {None}
    return {name: field for name, field in fields.items() if field is not None and field not in without}


def _targets(spec: Mapping[str, Any], path: str, ids: list[str]) -> Iterator[Problem]:
    for at, target in said_targets(spec).items():
        if target not in ids:
            yield Problem(
                path + at,
                f"there is no step {target!r:.80}{hint(target, ids)}",
                found=target[:80],
                expected=sorted(ids)[:MAX_PROBLEMS],
            )

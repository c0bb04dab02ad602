"""What can still be said about steps whose shape is wrong: their expressions and their targets.

They are not compiled, so without this an author would hear of a second problem of a step only after mending the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.engine.checks import complaints
from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.expressions import SECRETS, compile_template
from chalicelib.engine.hints import hint, meant
from chalicelib.engine.lists import lists_in, type_of
from chalicelib.engine.shape import COMMON
from chalicelib.engine.steps.base import Compiler

_NO_TEMPLATES = frozenset({"branches", "inputSchema", "steps", "uiSchema"})
_PLAIN = COMMON.keys() - {"input", "output", "stash", "catch"}
_MORE = {"output": {"output"}, "stash": {"output"}, "catch": {"error"}}
_MORE |= {name: {SECRETS} for name in ("auth", "body", "headers")} | {"via": {SECRETS, "task"}}


def broken_problems(document: Mapping[str, Any], broken: frozenset[str], bad: set[str]) -> list[Problem]:
    """Return the problems of expressions and targets of the steps at the paths `broken`; `bad` are all wrong paths."""
    problems: list[Problem] = []
    for found in lists_in(document) if broken else ():
        ids = [spec["id"] for spec in found.specs if isinstance(spec, dict) and isinstance(spec.get("id"), str)]
        for i, spec in enumerate(found.specs):
            if f"{found.path}/{i}" in broken and isinstance(spec, dict):
                problems += _templates(spec, f"{found.path}/{i}", found.names, bad)
                problems += _targets(spec, f"{found.path}/{i}", ids)
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
    targets = {"/next": spec.get("next"), "/default": spec.get("default")}
    for field in ("choices", "catch"):
        entries = spec.get(field)
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                targets[f"/{field}/{i}/next"] = entry.get("next")
    for at, target in targets.items():
        if isinstance(target, str) and target not in ids:
            yield Problem(path + at, f"there is no step {target!r:.80}{hint(target, ids)}", found=target[:80])

"""What can still be said about steps whose shape is wrong: their expressions and their targets.

They are not compiled, so without this an author would hear of a second problem of a step only after mending the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.engine.errors import Problem
from chalicelib.engine.expressions import SECRETS, compile_template
from chalicelib.engine.hints import hint
from chalicelib.engine.lists import lists_in
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import Compiler

_NO_TEMPLATES = frozenset({"branches", "inputSchema", "steps", "uiSchema"})
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

    def complain(at: str, message: str) -> None:
        found.append(Problem(at, message))

    kind = spec.get("type")
    step_type = STEP_TYPES.get(kind) if isinstance(kind, str) else None
    own = [] if step_type is None else list(step_type.properties)
    if step_type is not None and not any(f"{at}/".startswith(f"{path}/{name}/") for at in bad for name in own):
        step_type.compile(spec, Compiler(path, complain, names))  # what is its own has the right shape
        own = []
    for name in ("input", "output", "stash", "catch", *own):
        if name in spec and name not in _NO_TEMPLATES:
            known = names | _MORE.get(name, set())
            compile_template(spec[name], known, f"{path}/{name}", complain)
    return found


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

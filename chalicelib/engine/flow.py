"""What is checked of the way from step to step: ids, targets, ends, reachability, cycles that take no time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.checks import MAX_PROBLEMS, hint
from chalicelib.engine.errors import Problem
from chalicelib.engine.steps import STEP_TYPES


def check_flow(document: Mapping[str, Any], broken: frozenset[int] = frozenset()) -> list[Problem]:
    """Return all problems of ids, targets, ends, reachability and endless loops.

    Steps whose index is in `broken` have a wrong shape: they are only known as targets, and no ways are followed.
    """
    steps = document["steps"]
    ids, problems = _ids(steps)
    for i, spec in enumerate(steps):
        if i not in broken:
            problems += _check_end(spec, f"/steps/{i}") + _check_targets(spec, f"/steps/{i}", ids)
        if len(problems) > MAX_PROBLEMS:
            return problems
    if broken:
        return problems
    if problems:
        return problems + _never_named(steps) + _endless(document, ids)
    return _unreachable(steps, ids) + _endless(document, ids)


def _ids(steps: list[Any]) -> tuple[dict[str, int], list[Problem]]:
    ids: dict[str, int] = {}
    problems: list[Problem] = []
    for i, spec in enumerate(steps):
        step_id = spec.get("id") if isinstance(spec, dict) else None
        if isinstance(step_id, str):
            if step_id in ids:
                problems.append(Problem(f"/steps/{i}/id", f"id is used by step {ids[step_id]} already", found=step_id))
            ids.setdefault(step_id, i)
    return ids, problems


def _check_targets(spec: Mapping[str, Any], path: str, ids: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(path + at, f"there is no step {target!r:.80}{hint(target, ids)}", found=target[:80])
        for at, target in targets(spec)
        if target not in ids
    ]


def _check_end(spec: Mapping[str, Any], path: str) -> list[Problem]:
    step_type = STEP_TYPES[spec["type"]]
    found = [name for name in ("next", "end") if name in spec]
    if step_type.ends or step_type.jumps:
        return [Problem(f"{path}/{name}", f"{name} does not belong to a {step_type.name}") for name in found]
    if len(found) != 1:
        return [Problem(path, "a step needs either next or end: true", found=found, expected=["next", "end"])]
    return []


def targets(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return `(pointer, step id)` of every step that a step can lead to."""
    found = [("/next", spec["next"])] if "next" in spec else []
    found += STEP_TYPES[spec["type"]].targets(spec)
    return found + [(f"/catch/{i}/next", entry["next"]) for i, entry in enumerate(spec.get("catch", []))]


def _never_named(steps: list[Any]) -> list[Problem]:
    """Return the steps that nothing leads to for certain, whatever the other problems come from."""
    named = {target for spec in steps for _, target in targets(spec)}
    return [
        Problem(f"/steps/{i}", "no step leads here", found=spec["id"])
        for i, spec in enumerate(steps)
        if i > 0 and spec["id"] not in named
    ]


def _unreachable(steps: list[Any], ids: Mapping[str, int]) -> list[Problem]:
    seen: set[str] = set()
    open_ids = [steps[0]["id"]]
    while open_ids:
        step_id = open_ids.pop()
        if step_id not in seen:
            seen.add(step_id)
            open_ids.extend(target for _, target in targets(steps[ids[step_id]]))
    return [
        Problem(f"/steps/{i}", "no step leads here", found=spec["id"])
        for i, spec in enumerate(steps)
        if spec["id"] not in seen
    ]


def _endless(document: Mapping[str, Any], ids: Mapping[str, int]) -> list[Problem]:
    """Return a problem when pure steps alone form a cycle and nobody wrote how often it may turn."""
    if "maxTransitions" in document:
        return []
    steps = document["steps"]
    pure = {spec["id"]: spec for spec in steps if STEP_TYPES[spec["type"]].pure}
    leading = {name: [t for _, t in targets(spec) if t in pure] for name, spec in pure.items()}
    while True:  # take away, again and again, what leads to no pure step: what stays lies on or before a cycle
        ends = [name for name, following in leading.items() if not any(target in leading for target in following)]
        if not ends:
            break
        for name in ends:
            del leading[name]
    if not leading:
        return []
    first = min(leading, key=lambda name: ids[name])
    message = f"a cycle of steps that take no time begins at {first!r}: write maxTransitions, so that it ends"
    return [Problem("/maxTransitions", message, expected="a number of step attempts")]

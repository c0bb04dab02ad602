"""What is checked of the way from step to step: ids, targets, ends, reachability, cycles that take no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.engine.checks import MAX_PROBLEMS
from chalicelib.engine.errors import Problem
from chalicelib.engine.hints import hint
from chalicelib.engine.lists import StepList, inner_lists, lists_in, type_of
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import StepType

Ids = Mapping[str, str]
"""Step ids, and the JSON Pointers of their steps."""


def check_flow(document: Mapping[str, Any], broken: frozenset[str] = frozenset()) -> list[Problem]:
    """Return all problems of ids, targets, ends, reachability and endless loops.

    Steps whose path is in `broken` have a wrong shape: they are known as targets and by what leads on from them, and
    nothing is said of what no way leads to in their lists.
    """
    everywhere, problems = _ids(document)
    lists = list(lists_in(document))
    for found in lists:
        ids = _own_ids(found)
        paths = [f"{found.path}/{i}" for i in range(len(found.specs))]
        wrong: list[Problem] = []
        for path, spec in zip(paths, found.specs, strict=True):
            if path not in broken:
                wrong += check_end(STEP_TYPES[spec["type"]], [name for name in ("next", "end") if name in spec], path)
                wrong += _check_targets(spec, path, ids, everywhere)
            if len(problems) + len(wrong) > MAX_PROBLEMS:
                return problems + wrong
        if not broken.intersection(paths):
            wrong += _never_named(found) if wrong or problems else _unreachable(found)
        problems += wrong
    problems += _lost_signals(lists)
    return problems + _endless(document, lists, broken)


def _lost_signals(lists: list[StepList]) -> list[Problem]:
    """Return the steps that wait for signals in a map: its items may be in executions that no sender knows."""
    message = "a signal cannot be awaited inside a map, whose items may be executions of their own"
    return [
        Problem(f"{found.path}/{i}/type", message, found="signal")
        for found in lists
        if "item" in found.names
        for i, spec in enumerate(found.specs)
        if (step_type := type_of(spec)) is not None and step_type.name == "signal"
    ]


def _steps(found: StepList) -> Iterator[tuple[str, Any]]:
    """Yield the JSON Pointer and the id of each step that has one."""
    for i, spec in enumerate(found.specs):
        step_id = spec.get("id") if isinstance(spec, dict) else None
        if isinstance(step_id, str):
            yield f"{found.path}/{i}", step_id


def _ids(document: Mapping[str, Any]) -> tuple[Ids, list[Problem]]:
    ids: dict[str, str] = {}
    problems: list[Problem] = []
    for found in lists_in(document):
        for path, step_id in _steps(found):
            if step_id in ids:
                first = ids[step_id].removeprefix("/steps/")
                problems.append(Problem(f"{path}/id", f"id is used by step {first} already", found=step_id))
            ids.setdefault(step_id, path)
    return ids, problems


def _own_ids(found: StepList) -> Ids:
    ids: dict[str, str] = {}
    for path, step_id in _steps(found):
        ids.setdefault(step_id, path)
    return ids


def _some(ids: Ids) -> list[str]:
    """Return the steps that a way could lead to, as far as anybody would read."""
    return sorted(ids)[:MAX_PROBLEMS]


def _check_targets(spec: Mapping[str, Any], path: str, ids: Ids, everywhere: Ids) -> list[Problem]:
    problems = []
    for at, target in targets(spec):
        if target in ids:
            continue
        message = f"there is no step {target!r:.80}{hint(target, ids)}"
        if target in everywhere:
            message = f"step {target!r:.80} stands in another list of steps, where no way leads"
        problems.append(Problem(path + at, message, found=target[:80], expected=_some(ids)))
    return problems


def check_end(step_type: StepType, found: list[str], path: str) -> list[Problem]:
    """Return what is wrong with `found`, those of `next` and `end` that a step has."""
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


def _never_named(found: StepList) -> list[Problem]:
    """Return the steps that nothing leads to for certain, whatever the other problems come from."""
    named = {target for spec in found.specs for _, target in targets(spec)}
    return [
        Problem(f"{found.path}/{i}", "no step leads here", found=spec["id"])
        for i, spec in enumerate(found.specs)
        if i > 0 and spec["id"] not in named
    ]


def _unreachable(found: StepList) -> list[Problem]:
    if not found.specs:  # too few, which is told elsewhere
        return []
    specs = {spec["id"]: spec for spec in found.specs}
    seen: set[str] = set()
    open_ids = [found.specs[0]["id"]]
    while open_ids:
        step_id = open_ids.pop()
        if step_id not in seen:
            seen.add(step_id)
            open_ids.extend(target for _, target in targets(specs[step_id]))
    return [
        Problem(f"{found.path}/{i}", "no step leads here", found=spec["id"])
        for i, spec in enumerate(found.specs)
        if spec["id"] not in seen
    ]


def said_targets(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what `targets` does for a step of whatever shape, as far as it can be told, by pointer."""
    found = {"/next": spec.get("next"), "/default": spec.get("default")}
    for field in ("choices", "catch"):
        entries = spec.get(field)
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                found[f"/{field}/{i}/next"] = entry.get("next")
    return {at: target for at, target in found.items() if isinstance(target, str)}


def _endless(document: Mapping[str, Any], lists: list[StepList], broken: frozenset[str]) -> list[Problem]:
    """Return a problem when pure steps alone form a cycle and nobody wrote how often it may turn."""
    if "maxTransitions" in document:
        return []
    for found in lists:
        steps = [found.specs[i] for i in range(len(found.specs)) if not _hides(f"{found.path}/{i}", broken)]
        first = _cycle([spec for spec in steps if isinstance(spec, dict) and isinstance(spec.get("id"), str)])
        if first is not None:
            message = f"a cycle of steps that take no time begins at {first!r}: write maxTransitions, so that it ends"
            return [Problem("/maxTransitions", message, expected="a number of step attempts")]
    return []


def _hides(path: str, broken: frozenset[str]) -> bool:
    """Say whether a step is around others whose shape is wrong."""
    return any(other.startswith(f"{path}/") for other in broken)


def _cycle(specs: list[Any]) -> str | None:
    """Return the first step on or before a cycle of steps that take no time."""
    pure = {spec["id"]: spec for spec in specs if _takes_no_time(spec)}
    leading = {name: [t for t in said_targets(spec).values() if t in pure] for name, spec in pure.items()}
    while True:  # take away, again and again, what leads to no pure step: what stays lies on or before a cycle
        ends = [name for name, following in leading.items() if not any(target in leading for target in following)]
        if not ends:
            break
        for name in ends:
            del leading[name]
    return next((spec["id"] for spec in specs if spec["id"] in leading), None)


def _takes_no_time(spec: Mapping[str, Any]) -> bool:
    step_type = type_of(spec)
    if step_type is None or step_type.pure:
        return step_type is not None
    inner = [step for found in inner_lists(step_type, spec) for step in found]
    return bool(inner) and all(_takes_no_time(step) for step in inner)

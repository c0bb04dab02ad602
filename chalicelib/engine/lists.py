"""Lists of steps inside a definition: its own, and those of branches and maps at any depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.engine.hints import meant
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import SCOPE, StepType

MAX_LEVELS = 8
"""So many lists may stand inside each other."""
_STEP_PATH = re.compile(r"/steps/\d+(?:/branches/\d+/steps/\d+|/steps/\d+)*")


@dataclass(frozen=True, slots=True)
class StepList:
    """One list: its JSON Pointer, its members as they were posted, and the names that its expressions know.

    `within` says where it stands by the ids of the steps around it: `/each` in a map, `/fan/1` in a parallel step's
    second branch, and nothing for the definition's own.
    """

    path: str
    specs: list[Any]
    names: frozenset[str] = SCOPE
    level: int = 1
    within: str = ""


def lists_in(document: Mapping[str, Any]) -> Iterator[StepList]:
    """Yield the definition's own list and all below it, outer ones first; what has no shape is passed over."""
    steps = document.get("steps")
    waiting = [StepList("/steps", steps)] if isinstance(steps, list) else []
    while waiting:
        found = waiting.pop(0)
        yield found
        for i, spec in enumerate(found.specs):
            waiting += _inside(found, f"{found.path}/{i}", spec)


def type_of(spec: Any) -> StepType | None:
    """Return the type of a step, as it is written or as it was clearly meant."""
    if not isinstance(spec, dict):
        return None
    word = spec["type"] if "type" in spec else next((spec[key] for key in spec if meant(key, ["type"])), None)
    if not isinstance(word, str):
        return None
    return STEP_TYPES.get(word) or STEP_TYPES.get(meant(word, STEP_TYPES) or "")


def _inside(found: StepList, path: str, spec: Any) -> list[StepList]:
    step_type = type_of(spec)
    if step_type is None or found.level > MAX_LEVELS:
        return []
    inner = _lists(step_type, spec)
    names = found.names | step_type.list_names
    place = f"{found.within}/{spec.get('id')}"
    return [StepList(path + at, steps, names, found.level + 1, place + _branch(at)) for at, steps in inner]


def inner_lists(step_type: StepType, spec: Any) -> list[list[Any]]:
    """Return the lists of steps in a step of whatever shape; none if they are no lists."""
    return [steps for _, steps in _lists(step_type, spec)]


def _lists(step_type: StepType, spec: Any) -> list[tuple[str, list[Any]]]:
    try:
        inner = step_type.lists(spec)
    except (KeyError, TypeError, AttributeError):  # its shape is wrong, which is told elsewhere
        return []
    return inner if all(isinstance(steps, list) for _, steps in inner) else []


def _branch(at: str) -> str:
    """Return the number of a branch as it stands in `/branches/1/steps`, and nothing for the one list of a map."""
    parts = at.split("/")
    return f"/{parts[2]}" if len(parts) == 4 else ""


def step_at(path: str) -> str | None:
    """Return the JSON Pointer of the innermost step that a path leads into."""
    found = _STEP_PATH.match(path)
    return None if found is None else found.group()

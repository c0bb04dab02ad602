"""The steps of a definition as they are nested: branches of a `parallel`, the steps of a `map`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedo.cli.errors import Refused

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Room:
    """A list of steps inside a step; routes never leave it."""

    title: str
    steps: Sequence[Step]


def top(document: Any, name: str) -> Sequence[Step]:
    """Return the steps of a definition. Raises Refused when it is none that could be drawn."""
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(steps, list) or not steps:
        raise Refused(f"{name}: a definition has a list of steps, and there is none here")
    flaw = next((i for i, step in enumerate(steps) if not _is_step(step)), None)
    if flaw is not None:
        raise Refused(f"{name}: /steps/{flaw} is no step with an id")
    return steps


def rooms(step: Step) -> list[Room]:
    """Return the lists of steps inside a step."""
    found: list[Room] = []
    branches = step.get("branches")
    if isinstance(branches, list):
        found += [
            Room(f"branch {i}", _steps(branch)) for i, branch in enumerate(branches, 1) if isinstance(branch, dict)
        ]
    if isinstance(step.get("steps"), list):
        found.append(Room("each item", _steps(step)))
    return found


def walk(steps: Sequence[Step], depth: int = 0) -> Iterator[tuple[int, Step]]:
    """Yield all steps with their depth, each before those inside it."""
    for step in steps:
        yield depth, step
        for room in rooms(step):
            yield from walk(room.steps, depth + 1)


def _steps(holder: Mapping[str, Any]) -> list[Step]:
    steps = holder.get("steps")
    return [step for step in steps if _is_step(step)] if isinstance(steps, list) else []


def _is_step(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)

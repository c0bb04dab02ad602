"""Two versions of a definition: what was added, removed and changed, and what a running execution would meet.

Works on documents as they were posted. A step is known by its id and the list it stands in: one that moved into
another branch is gone there and new here, since an execution cannot follow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import pointer

ABSENT: Any = object()
"""What a member is in the document that does not have it."""
_NESTED = ("steps", "branches")
_DEFAULT_TEXT = "none"
_FANS = ("map", "parallel")
_STAYS = ("/maxConcurrency", "/toleratedFailurePercentage")


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs, at a JSON Pointer; `before` or `after` is ABSENT where there is none."""

    path: str
    before: Any
    after: Any

    def document(self) -> dict[str, Any]:
        """Return `{path, before?, after?}`."""
        sides = {"before": self.before, "after": self.after}
        return {"path": self.path} | {name: value for name, value in sides.items() if value is not ABSENT}


@dataclass(frozen=True, slots=True)
class Place:
    """A step in a document: its JSON Pointer, the list it stands in (by ids, not by positions), what was written."""

    path: str
    within: str
    spec: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return `{id, type, path}`."""
        return {"id": self.spec["id"], "type": self.spec["type"], "path": self.path}


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that both versions have; paths of its changes begin at the step."""

    place: Place
    changes: tuple[Change, ...]

    def document(self) -> dict[str, Any]:
        """Return `{id, type, path, changes}`."""
        return self.place.document() | {"changes": [change.document() for change in self.changes]}


@dataclass(frozen=True, slots=True)
class Note:
    """What an execution of the one version would meet if it were redriven on the other."""

    about: str
    message: str
    step: str | None = None

    def document(self) -> dict[str, Any]:
        """Return `{about, message, step?}`."""
        return {"about": self.about, "message": self.message} | ({} if self.step is None else {"step": self.step})


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs; `fields` are those of the definition outside its steps."""

    fields: tuple[Change, ...]
    added: tuple[Place, ...]
    removed: tuple[Place, ...]
    changed: tuple[StepChange, ...]
    notes: tuple[Note, ...]

    @property
    def lost_steps(self) -> frozenset[str]:
        """The ids of steps at which not everybody could go on: removed, of another type, or with other branches now."""
        return frozenset(note.step for note in self.notes if note.step is not None)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Return what differs between two documents that were accepted once."""
    old = {(place.within, place.spec["id"]): place for place in _places(before["steps"])}
    new = {(place.within, place.spec["id"]): place for place in _places(after["steps"])}
    fields = list(_changes(_outside(before), _outside(after), ""))
    starts = before["steps"][0]["id"], after["steps"][0]["id"]
    if starts[0] != starts[1]:
        fields.append(Change("/steps/0/id", *starts))
    removed = tuple(place for key, place in old.items() if key not in new)
    compared = (
        StepChange(place, tuple(_changes(_own(old[key].spec), _own(place.spec), "")))
        for key, place in new.items()
        if key in old
    )
    changed = tuple(change for change in compared if change.changes)
    return Difference(
        fields=tuple(fields),
        added=tuple(place for key, place in new.items() if key not in old),
        removed=removed,
        changed=changed,
        notes=(*_lost(removed, changed), *_limits(fields)),
    )


def _outside(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "steps"}


def _places(steps: list[Any], path: str = "/steps", within: str = "") -> Iterator[Place]:
    for i, spec in enumerate(steps):
        yield Place(f"{path}/{i}", within, spec)
        inside = f"{within}/{spec['id']}"
        if isinstance(spec.get("steps"), list):
            yield from _places(spec["steps"], f"{path}/{i}/steps", inside)
        branches = spec.get("branches")
        for k, branch in enumerate(branches if isinstance(branches, list) else []):
            yield from _places(branch["steps"], f"{path}/{i}/branches/{k}/steps", f"{inside}/{k}")


def _own(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step without the steps inside it, which are compared by themselves; their number stays."""
    return {name: len(value) if name in _NESTED else value for name, value in spec.items()}


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({**before, **after}):
            yield from _changes(before.get(name, ABSENT), after.get(name, ABSENT), path + pointer(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, two) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, two, f"{path}/{i}")
    elif before is ABSENT or after is ABSENT or not values.equal(before, after):
        yield Change(path, before, after)


def _lost(removed: tuple[Place, ...], changed: tuple[StepChange, ...]) -> Iterator[Note]:
    for place in removed:
        step = str(place.spec["id"])
        yield Note("step", f"step {step!r} is gone: an execution that stands there cannot go on", step)
    for change in changed:
        step = str(change.place.spec["id"])
        retyped = next((found for found in change.changes if found.path == "/type"), None)
        if retyped is None:
            yield from _other_ways(change, step)
        else:
            then = "an execution that is in it cannot go on" if retyped.before in _FANS else "it would begin anew"
            message = f"step {step!r} was of type {retyped.before} and is of type {retyped.after}: {then}"
            yield Note("step", message, step)


def _other_ways(change: StepChange, step: str) -> Iterator[Note]:
    """Say what a fan-out would meet that has begun."""
    if change.place.spec["type"] not in _FANS:
        return
    for found in change.changes:
        if found.path == "/branches":
            message = f"step {step!r} had {found.before} branches and has {found.after}"
            yield Note("branches", f"{message}: an execution that is in it cannot go on", step)
        elif found.path in _STAYS:
            name = found.path[1:]
            yield Note(name, f"{name} of step {step!r} has changed: a map that has begun keeps the one it began with")
    if any(found.path.split("/")[1] == "items" for found in change.changes):
        message = f"items of step {step!r} have changed: an execution that is in it cannot go on with another list"
        yield Note("items", message, step)


def _limits(fields: list[Change]) -> Iterator[Note]:
    if any(change.path.startswith("/inputSchema") for change in fields):
        yield Note("inputSchema", "inputs that were taken may not pass any more; an execution keeps its own unchecked")
    for name in ("maxTransitions", "timeoutSeconds"):
        for change in fields:
            if change.path == f"/{name}":
                sides = [
                    _DEFAULT_TEXT if side is ABSENT else values.text(side) for side in (change.before, change.after)
                ]
                yield Note(name, f"{name} was {sides[0]} and is {sides[1]}")

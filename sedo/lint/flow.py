"""The flow of shapes through a definition: what every step can meet as `input` and `stash`, over all ways to it.

Ways are followed until nothing new is learnt. A branch or item starts with the stash of its fan-out, and its own
writes are gone at the join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sedo.lint import shapes
from sedo.lint.blocks import Block, block_of, caught, ends, nested, onward
from sedo.lint.kinds import ERROR, kind_of
from sedo.lint.schema_shapes import of_schema
from sedo.lint.shapes import ANYTHING, NEVER, NUMBER, TEXT, Members, Shape
from sedo.lint.templates import Scope, shape_of

MAX_ROUNDS = 20
"""So often a step is looked at with exact shapes; whatever still grows then is taken for anything."""
EMPTY_STASH = Shape(members=Members())


@dataclass(frozen=True, slots=True)
class State:
    """What is known before a step: what it receives, and the stash."""

    received: Shape = NEVER
    stash: Shape = NEVER

    def joined(self, other: State) -> State:
        """Return what holds where both can come."""
        joined = State(shapes.join(self.received, other.received), shapes.join(self.stash, other.stash))
        return State(shapes.bounded(joined.received), shapes.bounded(joined.stash))


@dataclass(frozen=True, slots=True)
class Visit:
    """A step as it is met: the names known in `input`, those in its own fields, and those in `output` and `stash`."""

    before: Scope
    during: Scope
    after: Scope
    output: Shape
    stash: Shape


class Flow:
    """All visits of a definition by the pointers of their steps, and what each list of steps can end with."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        given = of_schema(document.get("inputSchema", True))
        self.given = given
        self.visits: dict[str, Visit] = {}
        execution = dict.fromkeys(("id", "tenantId", "definitionId", "startedAt"), TEXT)
        self._fixed: Scope = {
            "execution": shapes.record(
                execution | {"version": NUMBER, "name": shapes.join(TEXT, shapes.NULL), "input": given}
            )
        }
        end = self._through(block_of(document["steps"], "/steps"), State(given, EMPTY_STASH), {})
        self.at_end: Scope = self._fixed | {"input": end.received, "output": end.received, "stash": end.stash}

    def _through(self, block: Block, start: State, extra: Scope) -> State:
        """Follow all ways through a list of steps; return what it ends with."""
        states: dict[str, State] = {block.start: start}
        ended: dict[str, State] = {}
        rounds = dict.fromkeys(block.steps, 0)
        waiting = [block.start]
        while waiting:
            name = waiting.pop(0)
            rounds[name] += 1
            for target, state in self._step(block, name, states[name], extra, ended):
                known = states.get(target)
                joined = state if known is None else known.joined(state)
                if joined != known:
                    states[target] = joined if rounds.get(target, 0) < MAX_ROUNDS else _coarse(joined)
                    if states[target] != known and target not in waiting:
                        waiting.append(target)
        end = State()
        for state in ended.values():
            end = end.joined(state)
        return end

    def _step(
        self, block: Block, name: str, state: State, extra: Scope, ended: dict[str, State]
    ) -> list[tuple[str, State]]:
        """Visit one step; return the states in which others follow."""
        spec, path = block.steps[name], block.paths[name]
        visit = self._visited(spec, path, state, extra)
        self.visits[path] = visit
        if ends(spec):
            ended[name] = State(visit.output, visit.stash)
        following = [(target, State(visit.output, visit.stash)) for target in onward(spec)]
        return following + self._failed(spec, state, visit)

    def _visited(self, spec: Mapping[str, Any], path: str, state: State, extra: Scope) -> Visit:
        before = self._fixed | extra | {"input": state.received, "stash": state.stash}
        during = before | {"input": shape_of(spec["input"], before)} if "input" in spec else before
        inner = self._nested(spec, path, during, extra)
        kind = kind_of(spec)
        raw = during["input"] if kind.result is None else kind.result(spec, inner)
        after = during | {"output": raw}
        output = shape_of(spec["output"], after) if "output" in spec else raw
        written = {key: shape_of(value, after) for key, value in spec.get("stash", {}).items()}
        stash = _written(state.stash, written)
        return Visit(before, during, after, shapes.bounded(output), shapes.bounded(stash))

    def _nested(self, spec: Mapping[str, Any], path: str, during: Scope, extra: Scope) -> Sequence[Shape]:
        """Follow the steps inside a step; return what each list of them can give."""
        start = State(during["input"], during["stash"])
        if "steps" in spec:
            items = shape_of(spec.get("items"), during)
            item = ANYTHING if items.unknown else items.items.item if items.items else NEVER
            start = replace(start, received=item)
            extra = extra | {"item": item, "index": NUMBER}
        return [self._through(block, start, extra).received for block in nested(spec, path)]

    def _failed(self, spec: Mapping[str, Any], state: State, visit: Visit) -> list[tuple[str, State]]:
        """A caught failure goes on with the step's input: as received, when it was the shaping that failed."""
        received = shapes.join(visit.during["input"], state.received)
        found = []
        for entry, target in zip(spec.get("catch", []), caught(spec), strict=True):
            scope = visit.during | {"error": ERROR}
            written = {key: shape_of(value, scope) for key, value in entry.get("stash", {}).items()}
            found.append((target, State(received, _written(state.stash, written))))
        return found


def _written(stash: Shape, written: Scope) -> Shape:
    """Return the stash once these names are written."""
    if not written or stash.members is None:
        return stash
    members = stash.members
    return Shape(
        members=replace(members, fields={**members.fields, **written}, required=members.required | written.keys())
    )


def _coarse(state: State) -> State:
    """Return the state with anything in it: it would grow on and on."""
    members = state.stash.members
    fields = {} if members is None else dict.fromkeys(members.fields, ANYTHING)
    return State(ANYTHING, Shape(members=Members(fields, frozenset() if members is None else members.required)))

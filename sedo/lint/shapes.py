"""Shapes: all that a JSON value may be, as far as it is known before anything runs.

A shape always allows at least what can really come: joining loses detail and is never wrong. `ANYTHING` is where
nothing is known, `NEVER` a place that no value reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from chalicelib.engine.evaluation import holds
from chalicelib.engine.values import equal, size

MAX_DEPTH = 12
MAX_LITERALS = 50
MAX_FIELDS = 300
MAX_NODES = 2000

CLOSED, SILENT, OPEN = 0, 1, 2
"""Whether an object has fields that nobody named: no; nobody said so; yes."""


class Literals(tuple[Any, ...]):
    """Plain values that are equal as JSON is: for Python, false is 0 and true is 1."""

    __slots__ = ()
    __hash__ = tuple.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literals) and tuple.__eq__(self, other) and self._kinds() == other._kinds()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def _kinds(self) -> list[bool]:
        return [isinstance(value, bool) for value in self]


@dataclass(frozen=True, slots=True)
class Members:
    """What an object may hold: `required` of `fields` always, and `rest` under other names unless it is closed."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    openness: int = CLOSED
    rest: Shape | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """What an array may hold, and at least how many of it."""

    item: Shape
    least: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A union: plain values of some `kinds`, an object, an array.

    `literals` lists all plain values where few are known; `text_least` is the length that a text has at least.
    """

    unknown: bool = False
    kinds: frozenset[str] = frozenset()
    literals: Literals | None = None
    text_least: int = 0
    members: Members | None = None
    items: Items | None = None

    @property
    def never(self) -> bool:
        """Whether no value comes here at all."""
        return not (self.unknown or self.kinds or self.members or self.items)

    @property
    def truths(self) -> frozenset[bool]:
        """What the value may count as in a condition."""
        if self.unknown:
            return frozenset({True, False})
        found: set[bool] = set()
        if self.literals is not None:
            found |= {holds(value) for value in self.literals}
        else:
            for kind in self.kinds:
                found |= {"null": {False}, "number": {True}, "boolean": {True, False}}.get(
                    kind, {True, not self.text_least}
                )
        if self.members is not None:
            can_hold = bool(self.members.fields) or self.members.openness > CLOSED
            found |= ({True} if can_hold else set()) | (set() if self.members.required else {False})
        if self.items is not None:
            found |= (set() if self.items.item.never else {True}) | (set() if self.items.least else {False})
        return frozenset(found)


ANYTHING = Shape(unknown=True)
NEVER = Shape()
NULL = Shape(kinds=frozenset({"null"}), literals=Literals([None]))
BOOLEAN = Shape(kinds=frozenset({"boolean"}))
NUMBER = Shape(kinds=frozenset({"number"}))
TEXT = Shape(kinds=frozenset({"string"}))
ANY_OBJECT = Shape(members=Members(openness=OPEN))
ANY_ARRAY = Shape(items=Items(ANYTHING))


def text_of(least: int) -> Shape:
    """Return the shape of a text that is at least so long."""
    return replace(TEXT, text_least=least)


def array(item: Shape, least: int = 0) -> Shape:
    """Return the shape of an array of such items."""
    return Shape(items=Items(item, least))


def record(fields: Mapping[str, Shape]) -> Shape:
    """Return the shape of an object with just these fields, all there."""
    return Shape(members=Members(dict(fields), frozenset(fields)))


def of_value(value: Any) -> Shape:
    """Return the shape of one known value."""
    if isinstance(value, dict):
        return record({key: of_value(item) for key, item in value.items()})
    if isinstance(value, list):
        return array(join_all(of_value(item) for item in value), len(value))
    return Shape(kinds=frozenset({kind_of(value)}), literals=Literals([value]))


def kind_of(value: Any) -> str:
    """Return the name that JSON gives to the type of a plain value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def join_all(shapes: Iterable[Shape]) -> Shape:
    """Return what may be any of the shapes."""
    return reduce(join, shapes, NEVER)


def join(one: Shape, other: Shape) -> Shape:
    """Return what may be either."""
    if one.unknown or other.unknown:
        return ANYTHING
    if one == other or other.never:
        return one
    if one.never:
        return other
    literals, least = _plain(one, other)
    return Shape(
        kinds=one.kinds | other.kinds,
        literals=literals,
        text_least=least,
        members=_join_members(one.members, other.members),
        items=_join_items(one.items, other.items),
    )


def _plain(one: Shape, other: Shape) -> tuple[Literals | None, int]:
    """Return the literals of both, and the least length of a text of either."""
    least = min((_text_least(shape) for shape in (one, other) if "string" in shape.kinds), default=0)
    known = [shape.literals if shape.kinds else () for shape in (one, other)]
    if known[0] is None or known[1] is None:
        return None, least
    literals = list(known[0])
    literals += [value for value in known[1] if not any(equal(value, there) for there in literals)]
    return (Literals(literals) if len(literals) <= MAX_LITERALS else None), least


def _text_least(shape: Shape) -> int:
    if shape.literals is None:
        return shape.text_least
    return min((len(value) for value in shape.literals if isinstance(value, str)), default=0)


def _join_members(one: Members | None, other: Members | None) -> Members | None:
    if one is None or other is None:
        return one or other
    fields = {name: join(side(one, name), side(other, name)) for name in {**one.fields, **other.fields}}
    openness = max(one.openness, other.openness)
    rests = [members.rest or ANYTHING for members in (one, other) if members.openness > CLOSED]
    rest = join_all(rests) if rests else None
    if len(fields) > MAX_FIELDS:
        return Members(openness=OPEN)
    return Members(fields, one.required & other.required, openness, rest)


def side(members: Members, name: str) -> Shape:
    """Return what a field holds where it is there; NEVER for one that never is."""
    if name in members.fields:
        return members.fields[name]
    return NEVER if members.openness == CLOSED else members.rest or ANYTHING


def _join_items(one: Items | None, other: Items | None) -> Items | None:
    if one is None or other is None:
        return one or other
    return Items(join(one.item, other.item), min(one.least, other.least))


def without_null(shape: Shape) -> Shape:
    """Return the shape, but for null."""
    if "null" not in shape.kinds:
        return shape
    literals = None if shape.literals is None else Literals(value for value in shape.literals if value is not None)
    return replace(shape, kinds=shape.kinds - {"null"}, literals=literals)


def bounded(shape: Shape) -> Shape:
    """Return the shape with ANYTHING where it is too deep or too wide: values that grow in a loop would have no end."""
    level, count = [shape], 1
    for depth in range(MAX_DEPTH):
        level = [inner for outer in level for inner in parts(outer)]
        count += len(level)
        if not level:
            return shape
        if count > MAX_NODES:
            return _cut(shape, depth)
    return _cut(shape, MAX_DEPTH)


def parts(shape: Shape) -> list[Shape]:
    """Return the shapes that are directly inside of one."""
    found = [] if shape.items is None else [shape.items.item]
    if shape.members is not None:
        found += shape.members.fields.values()
        found += [] if shape.members.rest is None else [shape.members.rest]
    return found


def _cut(shape: Shape, depth: int) -> Shape:
    """Return the shape with ANYTHING below a depth."""
    if depth <= 0 and (shape.members or shape.items):
        return ANYTHING
    members, items = shape.members, shape.items
    if members is not None:
        fields = {name: _cut(inner, depth - 1) for name, inner in members.fields.items()}
        members = replace(members, fields=fields, rest=members.rest and _cut(members.rest, depth - 1))
    if items is not None:
        items = replace(items, item=_cut(items.item, depth - 1))
    return replace(shape, members=members, items=items)


def least_bytes(shape: Shape) -> int:
    """Return how many bytes of JSON the value takes at least, as the engine counts them."""
    if shape.unknown or shape.never:
        return 0
    least: list[int] = []
    if shape.literals is not None:
        least += [size(value) if isinstance(value, str) else 1 for value in shape.literals]  # 1.0 is 1, and longer
    else:
        least += [shape.text_least + 2 if kind == "string" else 1 for kind in shape.kinds]
    if shape.members is not None:
        named = shape.members.required
        least.append(2 + sum(4 + len(name) + least_bytes(shape.members.fields[name]) for name in named))
    if shape.items is not None:
        least.append(2 + shape.items.least * (1 + least_bytes(shape.items.item)))
    return min(least)

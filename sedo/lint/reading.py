"""Reading an expression over shapes: what it can give, and what it asks for that cannot be there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chalicelib.engine.hints import hint
from sedo.lint import shapes
from sedo.lint.comparing import SIGNS, compared
from sedo.lint.functions import called
from sedo.lint.shapes import ANYTHING, BOOLEAN, CLOSED, NEVER, NULL, SILENT, Shape

Node = Any  # as jmespath parses it: {"type", "value", "children"}

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
NEVER_FILLED = "never-filled"
ALWAYS_DEFAULT = "always-default"
UNDECLARED_FIELD = "undeclared-field"
NEVER_WORKS = "never-works"


class Reader:
    """Reads one expression; `complaints` are rules and sentences, each once, `unordered` what is no complaint yet."""

    def __init__(self) -> None:
        self.complaints: list[tuple[str, str]] = []
        self.unordered: list[str] = []
        self._guarded = False
        self._visits: dict[str, Callable[[Node, Shape, str], tuple[Shape, str]]] = {
            "field": self._field,
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._chain,
            "index": self._index,
            "slice": self._slice,
            "projection": self._projection,
            "value_projection": self._projection,
            "filter_projection": self._projection,
            "flatten": self._flatten,
            "multi_select_list": self._list,
            "multi_select_dict": self._object,
            "key_val_pair": lambda node, value, label: self.read(node["children"][0], value, label),
            "or_expression": self._or,
            "and_expression": self._and,
            "not_expression": self._not,
            "comparator": self._comparator,
            "literal": lambda node, _value, _label: (shapes.of_value(node["value"]), ""),
            "current": lambda _node, value, label: (value, label),
            "identity": lambda _node, value, label: (value, label),
            "function_expression": self._function,
        }

    def read(self, node: Node, value: Shape, label: str = "") -> tuple[Shape, str]:
        """Return what a node gives on a value, and how an author would call it."""
        visit = self._visits.get(node["type"])
        return (ANYTHING, "") if visit is None else visit(node, value, label)

    def _complain(self, rule: str, sentence: str) -> Shape:
        """Note it once; what follows from it is not worth a second complaint."""
        guarded = self._guarded and rule == NEVER_FILLED
        complaint = (ALWAYS_DEFAULT if guarded else rule, sentence)
        if complaint not in self.complaints:
            self.complaints.append(complaint)
        return NULL if guarded else ANYTHING

    def _guardedly(self, node: Node, value: Shape, label: str) -> Shape:
        """Read what its author expects to be absent at times: then its being absent always is no error."""
        before, self._guarded = self._guarded, True
        shape, _ = self.read(node, value, label)
        self._guarded = before
        return shape

    def _chain(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        if node["type"] == "subexpression" and node["children"][0]["type"] == "not_expression":
            return self._complain(NEVER_FILLED, "! is about the first name alone: write !(a.b) instead of !a.b"), ""
        for child in node["children"]:
            value, label = self.read(child, value, label)
        return value, label

    def _field(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        name = node["value"]
        full = f"{label}.{name}" if label else name
        if value.unknown or value.never or (self._guarded and value == NULL):
            return value, full
        members = value.members
        found = NEVER if members is None or members.openness == SILENT else shapes.side(members, name)
        if members is not None and name in members.fields:
            found = members.fields[name]
        if not found.never:
            always = members is not None and name in members.required and not (value.kinds or value.items)
            return (found if always else shapes.join(found, NULL)), full
        if members is not None and members.openness == SILENT and name not in members.fields:
            sentence = f"{full} is not declared: {_holds(value, label)}"
            return self._complain(UNDECLARED_FIELD, sentence + _hint(name, value)), full
        return self._complain(NEVER_FILLED, _unfilled(full, label, value) + _hint(name, value)), full

    def _wanted(self, value: Shape, label: str, part: Any, what: str) -> bool:
        """Say whether a value can be what is asked for; complain when it cannot."""
        if value.unknown or value.never or part is not None or (self._guarded and value == NULL):
            return True
        self._complain(NEVER_FILLED, f"{label or 'the value'} is no {what}: it is {described(value)}")
        return False

    def _index(self, _node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        if not self._wanted(value, label, value.items, "list") or value.unknown:
            return ANYTHING, label
        return (shapes.join(value.items.item, NULL) if value.items else _nothing_of(value)), f"{label}[]"

    def _slice(self, _node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        if not self._wanted(value, label, value.items, "list") or value.unknown:
            return ANYTHING, label
        return (_unless_other(shapes.array(value.items.item), value) if value.items else _nothing_of(value)), label

    def _projection(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        base, label = self.read(node["children"][0], value, label)
        by_value = node["type"] == "value_projection"
        part = base.members if by_value else base.items
        wanted = self._wanted(base, label, part, "object" if by_value else "list")
        item = _each(base, by_value=by_value) if wanted else ANYTHING
        if len(node["children"]) > 2:
            self.read(node["children"][2], item, f"{label}[]")
        result, _ = self.read(node["children"][1], item, f"{label}[]")
        if base.unknown or not wanted:
            return shapes.join(shapes.array(result), NULL), label
        if part is None:
            return _nothing_of(base), label
        other = base.kinds or (base.items if by_value else base.members)
        projected = shapes.array(shapes.without_null(result))
        return (shapes.join(projected, NULL) if other else projected), label

    def _flatten(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        base, label = self.read(node["children"][0], value, label)
        if not self._wanted(base, label, base.items, "list") or base.unknown:
            return ANYTHING, label
        if base.items is None:
            return _nothing_of(base), label
        item = base.items.item
        if item.items is not None:
            rest = Shape(kinds=item.kinds, literals=item.literals, text_least=item.text_least, members=item.members)
            item = shapes.join(rest, item.items.item)
        return _unless_other(shapes.array(item), base), label

    def _list(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        items = [self.read(child, value, label)[0] for child in node["children"]]
        return _unless_null(shapes.array(shapes.join_all(items), len(items)), value), ""

    def _object(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        fields = {child["value"]: self.read(child, value, label)[0] for child in node["children"]}
        return _unless_null(shapes.record(fields), value), ""

    def _or(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        left, right = node["children"]
        one, other = self._guardedly(left, value, label), self.read(right, value, label)[0]
        if one.truths == {True}:
            return one, ""
        return (other if one.truths == {False} else shapes.join(shapes.without_null(one), other)), ""

    def _and(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        left, right = node["children"]
        one = self._guardedly(left, value, label)
        if one.truths == {False}:
            return one, ""
        other, _ = self.read(right, value, label)
        return (other if one.truths == {True} else shapes.join(one, other)), ""

    def _not(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        truths = self.read(node["children"][0], value, label)[0].truths
        return (shapes.of_value(truths == {False}) if len(truths) == 1 else BOOLEAN), ""

    def _comparator(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        one, other = (self.read(child, value, label)[0] for child in node["children"])
        found = compared(node["value"], one, other)
        if node["value"] in SIGNS and found == NULL:
            self.unordered.append(_unordered(node, one, other))
        return found, ""

    def _function(self, node: Node, value: Shape, label: str) -> tuple[Shape, str]:
        """Read the arguments; `&x` is read over the items of the list beside it."""
        reads = self._guardedly if node["value"] == "not_null" else lambda *given: self.read(*given)[0]
        plain = [reads(child, value, label) for child in node["children"] if child["type"] != "expref"]
        lists = [shape.items.item if shape.items else ANYTHING for shape in plain]
        item = lists[0] if lists else ANYTHING
        named = [child["children"][0] for child in node["children"] if child["type"] == "expref"]
        result, complaint = called(node["value"], plain, [self.read(reference, item)[0] for reference in named])
        return (result if complaint is None else self._complain(NEVER_WORKS, complaint)), ""


def _unordered(node: Node, one: Shape, other: Shape) -> str:
    sides = f"left of it is {described(one)}, right of it {described(other)}"
    texts = [child["value"] for child in node["children"] if child["type"] == "literal"]
    numeric = [text for text in texts if isinstance(text, str) and _NUMBER.fullmatch(text)]
    way = f"; a number is written in backticks: `{numeric[0]}`" if numeric else ""
    return f"{SIGNS[node['value']]} orders two numbers or two texts, and {sides}{way}"


def _nothing_of(base: Shape) -> Shape:
    """Return what is made of a value that has no parts: null, where there is a value at all."""
    return NEVER if base.never else NULL


def _unless_other(made: Shape, base: Shape) -> Shape:
    """Return what is made of a list, and null where it may be no list."""
    return shapes.join(made, NULL) if base.kinds or base.members else made


def _unless_null(made: Shape, value: Shape) -> Shape:
    """Return what a multi-select makes of a value: nothing of null."""
    if value.never:
        return NEVER
    return shapes.join(made, NULL) if value.unknown or "null" in value.kinds else made


def _each(base: Shape, *, by_value: bool) -> Shape:
    """Return what a projection looks at, one after the other."""
    if base.unknown:
        return ANYTHING
    if by_value and base.members is not None:
        rest = ANYTHING if base.members.rest is None else base.members.rest
        more = [] if base.members.openness == CLOSED else [rest]
        return shapes.join_all([*base.members.fields.values(), *more])
    return NEVER if base.items is None else base.items.item


def _unfilled(full: str, label: str, value: Shape) -> str:
    if label == "stash":
        return f"nothing fills {full}: no step on any way to here writes it"
    return f"nothing fills {full}: {_holds(value, label)}"


def _holds(value: Shape, label: str) -> str:
    if value.members is None:
        return f"{label or 'the value'} is {described(value)}"
    names = ", ".join(sorted(value.members.fields)[:20])
    return f"{label or 'the value'} has {names or 'no fields'}"


def _hint(name: str, value: Shape) -> str:
    known = list(value.members.fields) if value.members else []
    return hint(name, known)


def described(shape: Shape) -> str:
    """Return a shape in a few words."""
    if shape.unknown:
        return "anything"
    words = ["text" if kind == "string" else kind for kind in sorted(shape.kinds)]
    words += ["an object"] if shape.members else []
    words += ["a list"] if shape.items else []
    return " or ".join(words) or "nothing"

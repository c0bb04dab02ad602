"""What the functions of JMESPath give, by the shapes of what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.engine.functions import FUNCTIONS
from sedo.lint import shapes
from sedo.lint.shapes import ANYTHING, BOOLEAN, NEVER, NULL, NUMBER, TEXT, Shape

Arguments = Sequence[Shape]


def _item(shape: Shape) -> Shape:
    return ANYTHING if shape.items is None else shape.items.item


def _item_or_null(arguments: Arguments) -> Shape:
    return shapes.join(_item(arguments[0]), NULL)


def _same_items(arguments: Arguments) -> Shape:
    found = arguments[0].items
    return shapes.array(ANYTHING) if found is None else shapes.array(found.item, found.least)


def _values(arguments: Arguments) -> Shape:
    members = arguments[0].members
    if members is None or members.openness != shapes.CLOSED:
        return shapes.array(ANYTHING)
    return shapes.array(shapes.join_all(members.fields.values()))


def _merged(arguments: Arguments) -> Shape:
    if any(shape.members is None or shape.unknown for shape in arguments):
        return shapes.ANY_OBJECT
    fields: dict[str, Shape] = {}
    required: frozenset[str] = frozenset()
    openness = shapes.CLOSED
    for members in (shape.members for shape in arguments if shape.members):
        if members.openness != shapes.CLOSED:
            openness = shapes.OPEN
            fields = dict.fromkeys(fields, ANYTHING)
        for name, shape in members.fields.items():
            before = fields.get(name, NEVER)
            fields[name] = shape if name in members.required else shapes.join(before, shape)
        required |= members.required
    return Shape(members=shapes.Members(fields, required, openness))


def _not_null(arguments: Arguments) -> Shape:
    given = shapes.join_all(shapes.without_null(shape) for shape in arguments)
    always = any(not shape.unknown and "null" not in shape.kinds for shape in arguments)
    return given if always else shapes.join(given, NULL)


_GIVES: dict[str, Callable[[Arguments], Shape]] = {
    **dict.fromkeys(("abs", "ceil", "floor", "length", "sum"), lambda _: NUMBER),
    **dict.fromkeys(("contains", "ends_with", "starts_with"), lambda _: BOOLEAN),
    **dict.fromkeys(("join", "to_string", "type"), lambda _: TEXT),
    **dict.fromkeys(("avg", "to_number"), lambda _: shapes.join(NUMBER, NULL)),
    **dict.fromkeys(("max", "min", "max_by", "min_by"), _item_or_null),
    **dict.fromkeys(("sort", "sort_by"), _same_items),
    "keys": lambda _: shapes.array(TEXT),
    "map": lambda arguments: shapes.array(arguments[1]),
    "merge": _merged,
    "not_null": _not_null,
    "reverse": lambda arguments: shapes.join(TEXT, _same_items(arguments)),
    "to_array": lambda arguments: shapes.array(shapes.join(arguments[0], _item(arguments[0])), 0),
    "values": _values,
}


_WORDS = {
    "array": "a list",
    "array-number": "a list of numbers",
    "array-string": "a list of texts",
    "string": "text",
}


def called(name: str, arguments: Arguments, references: Arguments) -> tuple[Shape, str | None]:
    """Return what a call gives, and a sentence when it fails for everything that can come.

    `references` is what each `&x` gives for an item of the list beside it.
    """
    if any(shape.never for shape in arguments):
        return NEVER, None
    signature: Any = FUNCTIONS.FUNCTION_TABLE.get(name, {}).get("signature", ())
    wanted = [part["types"] for part in signature if part["types"] != ["expref"]]
    for i, shape in enumerate(arguments):
        types = wanted[min(i, len(wanted) - 1)] if wanted else []
        if types and not shape.unknown and not any(_can_be(shape, kind) for kind in types):
            expected = " or ".join(_WORDS.get(kind, f"an {kind}" if kind[0] in "ao" else f"a {kind}") for kind in types)
            return ANYTHING, f"{name}() fails here whatever comes: argument {i + 1} is never {expected}"
    gives = _GIVES.get(name)
    return (ANYTHING if gives is None else gives([*arguments, *references])), None


def _can_be(shape: Shape, kind: str) -> bool:
    """Say whether a shape can be of a type as JMESPath names it: `number`, `array`, `array-number`."""
    if kind.startswith("array"):
        if shape.items is None:
            return False
        item, _, of = shape.items.item, *kind.partition("-")[1:]
        return not of or item.unknown or item.never or of in item.kinds
    return shape.members is not None if kind == "object" else kind in shape.kinds

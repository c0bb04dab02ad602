"""JSON Schema → shape: what an input may be once it has passed. Keywords that are not read could only narrow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sedo.lint import shapes
from sedo.lint.shapes import ANYTHING, CLOSED, NEVER, OPEN, SILENT, Items, Members, Shape

_ALL = ("null", "boolean", "number", "string", "object", "array")
# Beside one of these, fields may be named elsewhere than in `properties`.
_ELSEWHERE = {"allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas", "dependencies", "not"}
_ELSEWHERE |= {"unevaluatedProperties", "$dynamicRef", "$recursiveRef"}
MAX_REFERENCES = 8
MAX_WORK = 2000
"""So many schemas are looked at; whatever is left then is taken for anything: references can multiply without end."""


def of_schema(schema: Any) -> Shape:
    """Return the shape of all values that pass a schema."""
    return _Reader(schema).shape(schema, MAX_REFERENCES)


class _Reader:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.work_left = MAX_WORK

    def shape(self, schema: Any, left: int) -> Shape:
        """Return the shape; `left` is how many references may still be followed."""
        if schema is False:
            return NEVER
        self.work_left -= 1
        if not isinstance(schema, dict) or self.work_left < 0:
            return ANYTHING
        if "$ref" in schema:
            return self._referred(schema["$ref"], left)
        if "const" in schema:
            return shapes.of_value(schema["const"])
        if "enum" in schema:
            return shapes.join_all(shapes.of_value(value) for value in schema["enum"])
        if not {"type", "properties", "items", "additionalProperties", "required"} & schema.keys():
            return self._combined(schema, left)
        return self._typed(schema, left)

    def _referred(self, target: Any, left: int) -> Shape:
        found = self.root
        if left <= 0 or not isinstance(target, str) or not target.startswith("#"):
            return ANYTHING
        for part in target[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return self.shape(found, left - 1)

    def _combined(self, schema: Mapping[str, Any], left: int) -> Shape:
        """Return what the first combining keyword says; the others narrow it."""
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return shapes.join_all(self.shape(one, left) for one in schema[keyword])
        parts = [self.shape(one, left) for one in schema.get("allOf", [])]
        known = [part for part in parts if not part.unknown]
        return known[0] if len(known) == 1 and len(parts) == 1 else ANYTHING

    def _typed(self, schema: Mapping[str, Any], left: int) -> Shape:
        named = schema.get("type", _ALL)
        types = {"number" if name == "integer" else name for name in ([named] if isinstance(named, str) else named)}
        plain = Shape(kinds=frozenset(types - {"object", "array"}))
        if "string" in types:
            plain = replace(plain, text_least=int(schema.get("minLength", 0)))
        members = self._members(schema, left) if "object" in types else None
        items = self._items(schema, left) if "array" in types else None
        return replace(plain, members=members, items=items)

    def _members(self, schema: Mapping[str, Any], left: int) -> Members:
        fields = {name: self.shape(inner, left) for name, inner in schema.get("properties", {}).items()}
        required = schema.get("required", [])
        required = required if isinstance(required, list) else []
        more = schema.get("additionalProperties")
        elsewhere = bool(_ELSEWHERE & schema.keys())
        rest: Shape | None = None
        if more is False and not elsewhere:
            openness = CLOSED
        elif isinstance(more, dict) and not elsewhere:
            openness, rest = OPEN, self.shape(more, left)
        else:
            openness = SILENT if more is None and fields and not elsewhere else OPEN
        fields |= {name: rest or ANYTHING for name in required if name not in fields}
        return Members(fields, frozenset(required), openness, rest)

    def _items(self, schema: Mapping[str, Any], left: int) -> Items:
        every = schema.get("items", True)
        first = schema.get("prefixItems", [])
        if isinstance(every, list):  # what older drafts call prefixItems
            first, every = every, schema.get("additionalItems", True)
        item = shapes.join_all(self.shape(one, left) for one in [*first, every])
        return Items(item, int(schema.get("minItems", 0)))

"""A value that passes a JSON Schema: a small, plain one, made from what the schema itself says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.engine.schemas import compile_schema

DEEPEST = 12
_SAID: dict[str, Callable[[Any], Any]] = {
    "const": lambda value: value,
    "default": lambda value: value,
    "examples": lambda values: values[0],
    "enum": lambda values: values[0],
}
_FORMATS = {
    "date-time": "2030-01-31T08:00:00+01:00",
    "date": "2030-01-31",
    "time": "08:00:00Z",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.org",
}
_TEXTS = ("a", "A", "1", "text", "A-1", "2030-01-31T08:00:00+01:00", "https://example.org/", "a@example.org", "EUR")


class Unmakeable(ValueError):
    """No value was found that passes."""


def value_for(schema: Any) -> Any:
    """Return a value that passes a schema. Raises Unmakeable."""
    made = _made(schema, schema, 0)
    problem = compile_schema(schema, "", []).problem(made)
    if problem is not None:
        short = problem.partition("\n")[0]
        raise Unmakeable(f"no value could be made for the schema {json.dumps(schema)[:200]}: {short}")
    return made


def _made(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return {}
    for word, pick in _SAID.items():
        if schema.get(word) or (word in ("const", "default") and word in schema):
            return pick(schema[word])
    if "$ref" in schema:
        return _made(_pointed(root, schema["$ref"]), root, depth + 1)
    for word in ("oneOf", "anyOf"):
        if schema.get(word):
            merged = {name: value for name, value in schema.items() if name != word} | dict(schema[word][0])
            return _made(merged, root, depth + 1)
    if schema.get("allOf"):
        merged = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            merged = _merged(merged, part)
        return _made(merged, root, depth + 1)
    return _of_type(_type_of(schema), schema, root, depth)


def _merged(one: Mapping[str, Any], other: Any) -> dict[str, Any]:
    more = other if isinstance(other, Mapping) else {}
    both = dict(one) | dict(more)
    both["properties"] = {**one.get("properties", {}), **more.get("properties", {})}
    both["required"] = [*one.get("required", ()), *more.get("required", ())]
    return both


def _pointed(root: Any, reference: str) -> Any:
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found.get(key, {})
    return found


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind is not None:
        return str(kind)
    hints = {"items": "array", "minItems": "array", "pattern": "string", "minLength": "string", "minimum": "number"}
    return next((kind for word, kind in hints.items() if word in schema), "object")


def _of_type(kind: str, schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            wanted = (
                list(dict.fromkeys([*schema.get("required", ()), *properties]))
                if depth < 4
                else schema.get("required", ())
            )
            return {name: _made(properties.get(name, {}), root, depth + 1) for name in wanted}
        case "array":
            first = schema.get("prefixItems")
            if first:
                return [_made(item, root, depth + 1) for item in first]
            size = max(schema.get("minItems", 0), min(2, schema.get("maxItems", 2)))
            return [
                _numbered(_made(schema.get("items", {}), root, depth + 1), i, schema) for i in range(min(size, 1000))
            ]
        case "string":
            return _text(schema)
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return True
    return None


def _numbered(value: Any, place: int, schema: Mapping[str, Any]) -> Any:
    """Where items must differ, let simple ones do so."""
    if not schema.get("uniqueItems") or place == 0:
        return value
    return f"{value}{place}" if isinstance(value, str) else value + place if isinstance(value, int) else value


def _text(schema: Mapping[str, Any]) -> str:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 1 << 20)
    candidates = [_FORMATS.get(schema.get("format", ""), "text"), *_TEXTS]
    pattern = schema.get("pattern")
    if pattern is not None:
        literal = re.sub(r"\\(.)", r"\1", re.split(r"[\[(.*+?{|$]", pattern.lstrip("^"))[0])
        candidates = [*candidates, *(literal + text for text in ("", *_TEXTS, "example.org/"))]
    for text in candidates:
        fitted = text.ljust(shortest, "x")[:longest]
        if pattern is None or re.search(pattern, fitted):
            return fitted
    return candidates[0]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1)
    value = 1 if low is None else low
    if (
        low is not None
        and isinstance(schema.get("exclusiveMinimum"), int | float)
        and value <= schema["exclusiveMinimum"]
    ):
        value = schema["exclusiveMinimum"] + (1 if high is None or schema["exclusiveMinimum"] + 1 < high else 0.001)
    if high is not None and value > high:
        value = high
    value = -(-value // step) * step if step != 1 or whole else value
    return int(value) if whole or value == int(value) else value

"""The JSON Schema of definitions as it is published for editors, made of the schemas that posting checks with.

It says all that a schema can say. References between steps, expressions and the like are checked by posting alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from chalicelib.engine.descriptions import described
from chalicelib.engine.shape import DEFINITION, step_schema
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import StepType

_STEP = {"$ref": "#/$defs/step"}
_NEXT_OR_END = [{"required": ["next"]}, {"required": ["end"]}]


@lru_cache(maxsize=1)
def definition_schema() -> dict[str, Any]:
    """Return the schema; it belongs to everybody and must not be changed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sedo definition",
        "description": described(("definition",)),
        **_published(DEFINITION, ("definition",)),
        "$defs": {"step": _any_step(), **{name: _step(step_type) for name, step_type in STEP_TYPES.items()}},
    }


def _any_step() -> dict[str, Any]:
    """A step is held to the schema of its type alone, so that an editor offers and refuses no other fields."""
    return {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"type": {"enum": list(STEP_TYPES), "description": described(("type",))}},
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": {"$ref": f"#/$defs/{name}"}}
            for name in STEP_TYPES
        ],
    }


def _step(step_type: StepType) -> dict[str, Any]:
    name = step_type.name
    schema = _published(step_schema(step_type), (name,))
    schema["properties"]["type"] = {"const": name, "description": described((name,))}
    schema |= {"title": name, "description": described((name,))}
    if not (step_type.ends or step_type.jumps):
        return schema | {"oneOf": _NEXT_OR_END}
    for refused in ("next", "end"):
        schema["properties"].pop(refused, None)
    return schema


def _published(schema: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return a schema with descriptions, with patterns as JavaScript reads them, and with steps inside of steps."""
    published = dict(schema)
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(published.get(keyword), dict):
            published[keyword] = _published(published[keyword], names)
    if "pattern" in published:
        published["pattern"] = published["pattern"].replace(r"\Z", "$")
    if "properties" in published:
        published["properties"] = {
            name: _field(field, (*names, name)) for name, field in published["properties"].items()
        }
    return published


def _field(schema: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    published = _published(schema, names)
    if names[-1] == "steps":
        published["items"] = _STEP
    sentence = described(names)
    return published if sentence is None else published | {"description": sentence}

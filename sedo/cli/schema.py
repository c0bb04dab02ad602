"""`sedo schema`: the JSON Schema of definitions, put together from what the engine itself checks with."""

from __future__ import annotations

import json
from typing import Any

import click

from chalicelib.engine.shape import DEFINITION, step_schema
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import STEPS
from sedo.cli.options import shared
from sedo.cli.output import print_json


def definition_schema() -> dict[str, Any]:
    """Return one schema for whole definitions; what depends on the type of a step is an `if` on it."""
    types = [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": step_schema(step_type)}
        for name, step_type in STEP_TYPES.items()
    ]
    step = {"type": "object", "required": ["id", "type"], "properties": {"type": {"enum": list(STEP_TYPES)}}}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A definition of sedo"}
    steps = {"steps": STEPS | {"items": step | {"allOf": _nested(types)}}}
    whole = head | _nested(DEFINITION) | {"$defs": steps}
    # \Z is Python's; in JavaScript, which editors are written in, $ means the same.
    portable: dict[str, Any] = json.loads(json.dumps(whole).replace(r"\\Z", "$"))
    return portable


def _nested(part: Any) -> Any:
    """Return a part of a schema in which every list of steps is the one of all steps."""
    if part == STEPS:
        return {"$ref": "#/$defs/steps"}
    if isinstance(part, dict):
        return {key: _nested(value) for key, value in part.items()}
    return [_nested(value) for value in part] if isinstance(part, list | tuple) else part


@click.command()
@shared
def schema() -> None:
    """Print the JSON Schema of definitions, for editors.

    \b
    sedo schema > definition.schema.json
    and as the first line of a definition in YAML:
    # yaml-language-server: $schema=definition.schema.json
    """
    print_json(definition_schema())

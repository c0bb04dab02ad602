"""openapi.json as data: what each operation takes, and what is wrong with a request.

The JSON form is read because it takes a millisecond, and YAML a third of a second of every cold start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator

from chalicelib.api import checks
from chalicelib.api.plain import escape
from chalicelib.engine.errors import Problem

OPENAPI = Path(__file__).with_name("openapi.json")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path, query or header parameter; `many` ones may be repeated or hold a comma list."""

    name: str
    place: str
    many: bool
    whole_number: bool
    default: Any
    checker: Validator

    def value(self, texts: Sequence[str]) -> Any:
        """Return the value of what was written, with its type where it can be read so."""
        if self.many:
            return [part for text in texts for part in text.split(",")]
        if self.whole_number and _WHOLE_NUMBER.fullmatch(texts[0]):
            return int(texts[0])
        return texts[0]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path: its parameters, and its body where it takes one."""

    id: str
    parameters: Mapping[tuple[str, str], Parameter]
    media_types: tuple[str, ...]
    body_required: bool
    body_checker: Validator | None

    def read(
        self, path: Mapping[str, str], query: Mapping[str, Sequence[str]], headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Return the values of all parameters by name, defaults included, and all problems with them.

        `headers` is asked for the names that the contract knows, whatever their case: others are not ours.
        """
        written = {("path", name): [text] for name, text in path.items()}
        written |= {("query", name): list(texts) for name, texts in query.items()}
        written |= {key: [headers[key[1]]] for key in self.parameters if key[0] == "header" and key[1] in headers}
        values = {p.name: p.default for p in self.parameters.values()}
        problems: list[Problem] = []
        for (place, name), texts in written.items():
            parameter = self.parameters.get((place, name))
            at = f"/{place}/{escape(name[:100])}"
            if parameter is None:
                problems.append(self._unknown(name, at))
            elif len(texts) > 1 and not parameter.many:
                message = f"query parameter {name} is written {len(texts)} times, expected once"
                problems.append(Problem(at, message, found=len(texts), expected=1))
            else:
                values[name] = parameter.value(texts)
                problems += checks.problems(parameter.checker, values[name], at)
        return values, problems

    def _unknown(self, name: str, at: str) -> Problem:
        known = sorted(name for place, name in self.parameters if place == "query")
        message = f"unknown query parameter {checks.shown(name)}, expected {checks.words(known)}"
        return Problem(at, message, found=name[:100], expected=known)


@lru_cache(maxsize=1)
def text() -> str:
    """Return openapi.json as it is served."""
    return OPENAPI.read_text()


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return openapi.json, parsed."""
    parsed: dict[str, Any] = json.loads(text())
    return parsed


@lru_cache(maxsize=64)
def operation(method: str, path: str) -> Operation:
    """Return the operation of a route. Raises KeyError when the contract has none."""
    root = document()
    item = root["paths"][path]
    found = item[method.lower()]
    parameters = [_parameter(raw, root) for raw in (*item.get("parameters", ()), *found.get("parameters", ()))]
    body = found.get("requestBody", {})
    media = body.get("content", {})
    schema = next((entry["schema"] for entry in media.values()), None)
    return Operation(
        id=found["operationId"],
        parameters={(parameter.place, parameter.name): parameter for parameter in parameters},
        media_types=tuple(media),
        body_required=body.get("required", False),
        body_checker=None if schema is None else checks.validator(schema, root),
    )


def _parameter(raw: Mapping[str, Any], root: Mapping[str, Any]) -> Parameter:
    raw = _resolved(raw, root)
    schema = _resolved(raw["schema"], root)
    return Parameter(
        name=raw["name"],
        place=raw["in"],
        many=schema.get("type") == "array",
        whole_number=schema.get("type") == "integer",
        default=schema.get("default"),
        checker=checks.validator(schema, root),
    )


def _resolved(value: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow one local `$ref`."""
    found: Any = root if "$ref" in value else value
    for part in value.get("$ref", "#").split("/")[1:]:
        found = found[part]
    resolved: Mapping[str, Any] = found
    return resolved

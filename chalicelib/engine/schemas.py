"""JSON Schemas that authors write: checked when posted, never fetched from elsewhere, and unable to raise later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, specification_with

from chalicelib.engine.errors import Problem

DEPTH = "the value is nested too deeply to be checked against the schema"


@dataclass(frozen=True, slots=True)
class InputSchema:
    """A compiled schema whose keys are sorted, so that its messages always read the same."""

    validator: Validator

    def problem(self, value: Any) -> str | None:
        """Return jsonschema's full text for the most telling problem of a value, or None."""
        try:
            error = best_match(self.validator.iter_errors(value))
            return None if error is None else str(error)
        except RecursionError:
            return DEPTH

    def errors(self, value: Any) -> list[ValidationError]:
        """Return every problem of a value."""
        return list(self.validator.iter_errors(value))


def compile_schema(schema: Any, path: str, problems: list[Problem]) -> InputSchema:
    """Compile a schema; what is wrong with it is added to `problems`."""
    dialect = validators.validator_for(schema, default=Draft202012Validator)
    registry: Registry[Any] = EMPTY_REGISTRY
    usable = schema if isinstance(schema, bool) or not _problems(schema, dialect, path, problems) else {}
    return InputSchema(dialect(_sorted(usable), registry=registry))


def _problems(schema: Any, dialect: type[Validator], path: str, problems: list[Problem]) -> bool:
    before = len(problems)
    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        pointer = path + "".join(f"/{part}" for part in error.absolute_path)
        problems.append(Problem(pointer, f"not a valid JSON Schema: {error.message}", found=error.instance))
    except RecursionError:
        problems.append(Problem(path, "the schema is nested too deeply"))
    if len(problems) == before:
        problems.extend(_references(schema, dialect, path))
    return len(problems) > before


def _references(schema: Any, dialect: type[Validator], path: str) -> Iterator[Problem]:
    """Yield a problem for each `$ref` that leads out of the document or nowhere."""
    dialect_id = dialect.META_SCHEMA.get("$schema", "")
    resource = specification_with(dialect_id).create_resource(schema)
    resolver = EMPTY_REGISTRY.with_resource("", resource).resolver_with_root(resource)
    for pointer, keyword, target in _walk(schema, path):
        if not isinstance(target, str):
            continue
        if not target.startswith("#"):
            yield Problem(pointer, f"{keyword} must stay inside the document, like '#/$defs/name'", found=target)
            continue
        try:
            resolver.lookup(target)
        except (Unresolvable, ValueError, LookupError, TypeError):
            yield Problem(pointer, f"{keyword} leads nowhere", found=target)


def _walk(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(item, str):
                yield f"{path}/{key}", key, item
            else:
                yield from _walk(item, f"{path}/{key}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _walk(item, f"{path}/{i}")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value

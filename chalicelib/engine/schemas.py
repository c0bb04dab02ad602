"""JSON Schemas that authors write: checked when posted, never fetched from elsewhere, and unable to raise later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
from jsonschema.exceptions import UnknownType, ValidationError, best_match
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from chalicelib.engine import values
from chalicelib.engine.checks import MAX_PROBLEMS
from chalicelib.engine.errors import Problem
from chalicelib.engine.keywords import Choices, bounded
from chalicelib.engine.patterns import Pattern, PatternBudget
from chalicelib.engine.schema_checks import resolver_of, schema_problems
from chalicelib.engine.work import MAX_WORK, TooDeep, TooMuch, budget

DEPTH = "the value is nested too deeply to be checked against the schema"
_SHOWN_BYTES = 16_384

# What jsonschema is known to let through beside its own errors, on odd numbers and odd patterns.
_FAULTS = (Unresolvable, UnknownType, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, re.error)


@dataclass(frozen=True, slots=True)
class InputSchema:
    """A compiled schema whose keys are sorted, so that its messages always read the same."""

    validator: Validator

    def problem(self, value: Any) -> str | None:
        """Return jsonschema's full text for the most telling problem of a value, or None."""
        try:
            with budget():
                error = best_match(self.validator.iter_errors(value))
            return None if error is None else _text(error)
        except (RecursionError, TooDeep):
            return DEPTH
        except TooMuch:
            return f"the schema takes more than {MAX_WORK} checks for this value"
        except _FAULTS as error:
            return f"the value cannot be checked against the schema: {' '.join(str(error)[:500].split())}"


def _text(error: ValidationError) -> str:
    """Return all that jsonschema says, but of a large value, which it would lay out on its pages, the first of it."""
    if values.size(error.instance, _SHOWN_BYTES) <= _SHOWN_BYTES:
        return str(error)
    at = error.json_path
    return f"{error.message[:_SHOWN_BYTES]} …\n\nFailed validating {error.validator!r} at {at[:_SHOWN_BYTES]}"


def compile_schema(
    schema: Any, path: str, problems: list[Problem], patterns: PatternBudget | None = None
) -> InputSchema:
    """Compile a schema; what is wrong with it is added to `problems`, but for what nobody would read to the end.

    `patterns` is shared by all schemas of a definition.
    """
    if schema == {}:
        return ANYTHING  # what most definitions say by saying nothing
    found = list(islice(_checked(schema, path, patterns or PatternBudget()), MAX_PROBLEMS + 1))
    problems.extend(found)
    usable = {} if found else schema
    uri = usable.get("$schema", _DEFAULT) if isinstance(usable, dict) else _DEFAULT
    return _compiled(_prepared(_anonymous(usable)), _BOUNDED[_plain(uri)])


def _compiled(schema: Any, dialect: Any) -> InputSchema:
    return InputSchema(dialect(schema, _resolver=resolver_of(schema, dialect)))


def _checked(schema: Any, path: str, patterns: PatternBudget) -> Iterator[Problem]:
    uri = schema.get("$schema", _DEFAULT) if isinstance(schema, dict) else _DEFAULT
    if not isinstance(uri, str) or _plain(uri) not in _DIALECTS:
        found = uri if isinstance(uri, str) else None
        yield Problem(f"{path}/$schema", "unknown dialect of JSON Schema", found, sorted(_DIALECTS))
        return
    yield from schema_problems(_anonymous(schema), _DIALECTS[_plain(uri)], path, patterns)


def _plain(uri: str) -> str:
    return uri.removesuffix("#")


def _anonymous(schema: Any) -> Any:
    """Return a schema without its own name and dialect: references inside it then need no names."""
    if not isinstance(schema, dict):
        return schema
    return {key: value for key, value in schema.items() if key not in ("$id", "$schema") and not _is_name(key, value)}


def _is_name(key: str, value: Any) -> bool:
    """Say whether a member is what draft 4 calls its `$id`."""
    return key == "id" and isinstance(value, str)


def _prepared(value: Any) -> Any:
    """Return a schema whose keys are sorted, and whose choices and patterns are looked through only once."""
    if isinstance(value, dict):
        return {key: _member(key, value[key]) for key in sorted(value)}
    return [_prepared(item) for item in value] if isinstance(value, list) else value


def _member(key: str, value: Any) -> Any:
    if key == "enum" and isinstance(value, list):
        return Choices(map(_prepared, value))
    if key == "pattern" and isinstance(value, str):
        return Pattern(value)
    if key == "patternProperties" and isinstance(value, dict):
        return {Pattern(name): _prepared(value[name]) for name in sorted(value)}
    return _prepared(value)


_DEFAULT = "https://json-schema.org/draft/2020-12/schema"
_DIALECTS: dict[str, type[Validator]] = {
    _plain(dialect.META_SCHEMA.get("$schema", "")): dialect
    for dialect in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator)
}
_BOUNDED = {uri: bounded(dialect) for uri, dialect in _DIALECTS.items()}
ANYTHING = _compiled({}, _BOUNDED[_DEFAULT])

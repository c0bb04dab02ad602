"""JSON Schemas that authors write: checked when posted, never fetched from elsewhere, and unable to raise later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    validators,
)
from jsonschema.exceptions import UnknownType, best_match
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from chalicelib.engine.errors import Problem
from chalicelib.engine.schema_checks import schema_problems

DEPTH = "the value is nested too deeply to be checked against the schema"
MAX_WORK = 20_000
"""So many keywords are looked at for one value. Schemas can multiply: a `$ref` to two `$ref`s to two `$ref`s …"""

# What jsonschema is known to let through beside its own errors, on odd numbers and odd patterns.
_FAULTS = (Unresolvable, UnknownType, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, re.error)
_work_left: ContextVar[int] = ContextVar("work_left")


class _TooMuch(Exception):
    """The budget of one validation is spent."""


@dataclass(frozen=True, slots=True)
class InputSchema:
    """A compiled schema whose keys are sorted, so that its messages always read the same."""

    validator: Validator

    def problem(self, value: Any) -> str | None:
        """Return jsonschema's full text for the most telling problem of a value, or None."""
        before = _work_left.set(MAX_WORK)
        try:
            error = best_match(self.validator.iter_errors(value))
            return None if error is None else str(error)
        except RecursionError:
            return DEPTH
        except _TooMuch:
            return f"the schema takes more than {MAX_WORK} checks for this value"
        except _FAULTS as error:
            return f"the value cannot be checked against the schema: {' '.join(str(error)[:500].split())}"
        finally:
            _work_left.reset(before)


def compile_schema(schema: Any, path: str, problems: list[Problem]) -> InputSchema:
    """Compile a schema; what is wrong with it is added to `problems`."""
    if schema == {}:
        return ANYTHING  # what most definitions say by saying nothing
    found = list(_checked(schema, path))
    problems.extend(found)
    usable = {} if found else schema
    uri = usable.get("$schema", _DEFAULT) if isinstance(usable, dict) else _DEFAULT
    return InputSchema(_BOUNDED[_plain(uri)](_sorted(_anonymous(usable)), registry=EMPTY_REGISTRY))


def _checked(schema: Any, path: str) -> Iterator[Problem]:
    uri = schema.get("$schema", _DEFAULT) if isinstance(schema, dict) else _DEFAULT
    if not isinstance(uri, str) or _plain(uri) not in _DIALECTS:
        found = uri if isinstance(uri, str) else None
        yield Problem(f"{path}/$schema", "unknown dialect of JSON Schema", found, sorted(_DIALECTS))
        return
    yield from schema_problems(_anonymous(schema), _DIALECTS[_plain(uri)], path)


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


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _bounded(dialect: type[Validator]) -> type[Validator]:
    """Return a dialect whose keywords take from the budget of the validation that is going on."""
    counted = {keyword: _counted(rule) for keyword, rule in dialect.VALIDATORS.items()}
    bounded: type[Validator] = validators.extend(dialect, counted)  # type: ignore[no-untyped-call]
    return bounded


def _counted(rule: Callable[..., Any]) -> Callable[..., Any]:
    def count(validator: Validator, value: Any, instance: Any, schema: Any) -> Any:
        left = _work_left.get() - 1
        if left < 0:
            raise _TooMuch
        _work_left.set(left)
        return rule(validator, value, instance, schema)

    return count


_DEFAULT = "https://json-schema.org/draft/2020-12/schema"
_DIALECTS: dict[str, type[Validator]] = {
    _plain(dialect.META_SCHEMA.get("$schema", "")): dialect
    for dialect in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator)
}
_BOUNDED = {uri: _bounded(dialect) for uri, dialect in _DIALECTS.items()}
ANYTHING = InputSchema(_BOUNDED[_DEFAULT]({}, registry=EMPTY_REGISTRY))

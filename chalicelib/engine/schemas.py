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
from jsonschema.exceptions import UnknownType, ValidationError, best_match
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from chalicelib.engine import values
from chalicelib.engine.errors import Problem
from chalicelib.engine.patterns import found_in, work_of
from chalicelib.engine.schema_checks import schema_problems

DEPTH = "the value is nested too deeply to be checked against the schema"
MAX_WORK = 100_000
"""So many keywords are looked at for one value. Schemas can multiply: a `$ref` to two `$ref`s to two `$ref`s …"""

MAX_DEPTH = 1_360
"""So deep may keywords lead to keywords: about twice the frames that they take, of a stack of a thousand."""
_WEIGHT = 6
_WEIGHTS = {
    "not": 8,
    "if": 8,
    "contains": 8,
    "additionalProperties": 8,
    "unevaluatedItems": 10,
    "unevaluatedProperties": 12,
}

_SHOWN_BYTES = 16_384

# What jsonschema is known to let through beside its own errors, on odd numbers and odd patterns.
_FAULTS = (Unresolvable, UnknownType, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, re.error)
_work_left: ContextVar[int] = ContextVar("work_left")
_depth: ContextVar[int] = ContextVar("depth")


class _TooMuch(Exception):
    """The budget of one validation is spent."""


class _TooDeep(Exception):
    """Keywords lead to keywords without end. Python's own limit is no help: compiled parts below panic at it."""


@dataclass(frozen=True, slots=True)
class InputSchema:
    """A compiled schema whose keys are sorted, so that its messages always read the same."""

    validator: Validator

    def problem(self, value: Any) -> str | None:
        """Return jsonschema's full text for the most telling problem of a value, or None."""
        work, depth = _work_left.set(MAX_WORK), _depth.set(0)
        try:
            error = best_match(self.validator.iter_errors(value))
            return None if error is None else _text(error)
        except (RecursionError, _TooDeep):
            return DEPTH
        except _TooMuch:
            return f"the schema takes more than {MAX_WORK} checks for this value"
        except _FAULTS as error:
            return f"the value cannot be checked against the schema: {' '.join(str(error)[:500].split())}"
        finally:
            _depth.reset(depth)
            _work_left.reset(work)


def _text(error: ValidationError) -> str:
    """Return all that jsonschema says, but of a large value, which it would lay out on its pages, the first of it."""
    if values.size(error.instance, _SHOWN_BYTES) <= _SHOWN_BYTES:
        return str(error)
    at = error.json_path
    return f"{error.message[:_SHOWN_BYTES]} …\n\nFailed validating {error.validator!r} at {at[:_SHOWN_BYTES]}"


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
    linear = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties(dialect.VALIDATORS["additionalProperties"]),
    }
    rules = (dialect.VALIDATORS | linear).items()
    counted = {keyword: _counted(rule, _WEIGHTS.get(keyword, _WEIGHT)) for keyword, rule in rules}
    bounded: type[Validator] = validators.extend(dialect, counted)  # type: ignore[no-untyped-call]
    return bounded


def _counted(rule: Callable[..., Any], weight: int) -> Callable[..., Any]:
    def count(validator: Validator, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        _spend(1)
        depth = _depth.get() + weight
        if depth > MAX_DEPTH:
            raise _TooDeep
        _depth.set(depth)
        try:
            yield from rule(validator, value, instance, schema) or ()
        finally:
            _depth.set(depth - weight)

    return count


def _spend(work: int) -> None:
    left = _work_left.get() - work
    if left < 0:
        raise _TooMuch
    _work_left.set(left)


def _matches(pattern: str, text: str) -> bool:
    _spend(1 + work_of(pattern, text))
    return found_in(pattern, text)


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`pattern` as jsonschema has it, but in linear time; so are the next two."""
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, below in patterns.items():
            for name, value in instance.items():
                if _matches(pattern, name):
                    yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return the keyword for the members that no pattern takes; without patterns it is the dialect's own."""

    def additional(validator: Validator, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        patterns = schema.get("patternProperties", {})
        if not patterns or not validator.is_type(instance, "object"):
            yield from rule(validator, allowed, instance, schema)
            return
        known = schema.get("properties", {})
        left = [name for name in instance if name not in known and not any(_matches(p, name) for p in patterns)]
        if allowed is False and left:
            names = ", ".join(map(repr, sorted(left)))
            yield ValidationError(f"{names}: no such property is known, and no pattern of {sorted(patterns)} matches")
            return
        plain = {keyword: value for keyword, value in schema.items() if keyword != "patternProperties"}
        yield from rule(validator, allowed, {name: instance[name] for name in left}, plain)

    return additional


_DEFAULT = "https://json-schema.org/draft/2020-12/schema"
_DIALECTS: dict[str, type[Validator]] = {
    _plain(dialect.META_SCHEMA.get("$schema", "")): dialect
    for dialect in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator)
}
_BOUNDED = {uri: _bounded(dialect) for uri, dialect in _DIALECTS.items()}
ANYTHING = InputSchema(_BOUNDED[_DEFAULT]({}, registry=EMPTY_REGISTRY))

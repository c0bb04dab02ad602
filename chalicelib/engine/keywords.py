"""Keywords of JSON Schema within a budget: each takes from it by what it goes through, and none is more than linear.

jsonschema compares the items of an array with each other, and a value with each choice. Here they are told apart by
their canonical texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from jsonschema import Draft201909Validator, _legacy_keywords, _utils, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from chalicelib.engine import values
from chalicelib.engine.patterns import found_in, work_of

Rule = Callable[..., Any]

MAX_WORK = 100_000
"""So much work is done for one value: a keyword is 1. Schemas can multiply: a `$ref` to two `$ref`s to two `$ref`s …"""
_NAMES = 128
"""So many names are looked up in the time of a keyword."""
_ITEMS = 32
"""So many items are gone through in the time of a keyword."""
_COMPARED = 64
"""So many characters of JSON are compared in the time of a keyword."""
_MEASURED = 256
"""So many characters of JSON are measured and written in the time of a keyword."""
_SAID = 1024
"""So many characters of an error are written in the time of a keyword."""

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
_work_left: ContextVar[int] = ContextVar("work_left")
_depth: ContextVar[int] = ContextVar("depth")


class TooMuch(Exception):
    """The budget of one validation is spent."""


class TooDeep(Exception):
    """Keywords lead to keywords without end. Python's own limit is no help: compiled parts below panic at it."""


class Choices(list[Any]):
    """The values of an `enum`."""

    @cached_property
    def texts(self) -> frozenset[str]:
        """Return their canonical texts."""
        return frozenset(map(values.canonical, self))


@contextmanager
def budget() -> Iterator[None]:
    """Give one validation its budget. Inside, bounded validators may raise TooMuch and TooDeep."""
    work, depth = _work_left.set(MAX_WORK), _depth.set(0)
    try:
        yield
    finally:
        _depth.reset(depth)
        _work_left.reset(work)


def bounded(dialect: type[Validator]) -> type[Validator]:
    """Return a dialect whose keywords take from the budget of the validation that is going on."""
    rules = dialect.VALIDATORS | {
        keyword: rule for keyword, rule in _own(dialect).items() if keyword in dialect.VALIDATORS
    }
    counted = {
        keyword: _counted(_sized(keyword, rule), _WEIGHTS.get(keyword, _WEIGHT)) for keyword, rule in rules.items()
    }
    made: Any = validators.extend(dialect, counted)  # type: ignore[no-untyped-call]
    made.descend = _descend(made.descend)
    made.is_valid = _is_valid
    found: type[Validator] = made
    return found


def _own(dialect: type[Validator]) -> dict[str, Rule]:
    finders: Any = _legacy_keywords if dialect is Draft201909Validator else _utils
    return {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties(dialect.VALIDATORS["additionalProperties"]),
        "enum": _enum,
        "uniqueItems": _unique_items,
        "unevaluatedItems": _unevaluated_items(finders.find_evaluated_item_indexes_by_schema),
        "unevaluatedProperties": _unevaluated_properties(finders.find_evaluated_property_keys_by_schema),
    }


def _counted(rule: Rule, weight: int) -> Rule:
    def count(validator: Validator, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        _spend(1)
        depth = _depth.get() + weight
        if depth > MAX_DEPTH:
            raise TooDeep
        _depth.set(depth)
        try:
            for error in rule(validator, value, instance, schema) or ():
                if not error.schema_path:  # it is new, and passes all the keywords above
                    _spend(1 + (len(error.message) + depth) // _SAID)
                yield error
        finally:
            _depth.set(depth - weight)

    return count


def _spend(work: int) -> None:
    left = _work_left.get() - work
    if left < 0:
        raise TooMuch
    _work_left.set(left)


def _sized(keyword: str, rule: Rule) -> Rule:
    """Return a keyword that takes also from the budget by the length of what it goes through."""
    work = _WORK.get(keyword)
    if work is None:
        return rule

    def sized(validator: Validator, value: Any, instance: Any, schema: Any) -> Any:
        _spend(work(value, instance))
        return rule(validator, value, instance, schema)

    return sized


def _of_names(names: Any, instance: Any) -> int:
    return len(names) // _NAMES if isinstance(instance, dict) else 0


def _of_dependencies(lists: dict[str, Any], instance: Any) -> int:
    if not isinstance(instance, dict):
        return 0
    needed = (len(names) for name, names in lists.items() if name in instance and isinstance(names, list))
    return (len(lists) + sum(needed)) // _NAMES


def _of_parts(parts: Any, _instance: Any) -> int:
    return len(parts) // _ITEMS


def _of_members(_value: Any, instance: Any) -> int:
    return len(instance) // _ITEMS if isinstance(instance, dict | list) else 0


def _of_equality(value: Any, instance: Any) -> int:
    if not isinstance(value, dict | list) or type(value) is not type(instance):
        return 0
    return values.size(value) // _COMPARED


_WORK: dict[str, Callable[[Any, Any], int]] = {
    "required": _of_names,
    "properties": _of_names,
    "dependencies": _of_dependencies,
    "dependentRequired": _of_dependencies,
    "dependentSchemas": _of_names,
    "allOf": _of_parts,
    "anyOf": _of_parts,
    "oneOf": _of_parts,
    "additionalItems": _of_members,
    "additionalProperties": _of_members,
    "contains": _of_members,
    "items": _of_members,
    "prefixItems": _of_members,
    "propertyNames": _of_members,
    "unevaluatedItems": _of_members,
    "unevaluatedProperties": _of_members,
    "const": _of_equality,
}


def _descend(descend: Rule) -> Rule:
    """Return `descend` of a dialect, for which what `false` says about a large value is work too."""

    def bounded_descend(self: Any, instance: Any, schema: Any, *args: Any, **kwargs: Any) -> Any:
        if schema is False:
            _spend(values.size(instance) // _MEASURED)
        return descend(self, instance, schema, *args, **kwargs)

    return bounded_descend


def _is_valid(self: Any, instance: Any) -> bool:
    """`is_valid` as jsonschema has it; `false` says nothing here."""
    return self.schema is not False and next(self.iter_errors(instance), None) is None


def _canonical(value: Any) -> str:
    text = values.canonical(value)
    _spend(len(text) // _COMPARED)
    return text


def _enum(_validator: Validator, choices: Choices, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if _canonical(instance) not in choices.texts:
        yield ValidationError(f"{instance!r} is not one of {choices!r}")


def unique_items(validator: Validator, unique: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`uniqueItems` in linear time, outside of any budget."""
    if unique and validator.is_type(instance, "array") and len(set(map(values.canonical, instance))) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _unique_items(validator: Validator, unique: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if unique and validator.is_type(instance, "array"):
        texts = list(map(values.canonical, instance))
        _spend(sum(map(len, texts)) // _COMPARED)
        if len(set(texts)) < len(texts):
            yield ValidationError(f"{instance!r} has non-unique elements")


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


def _additional_properties(rule: Rule) -> Rule:
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


def _unevaluated_items(find: Rule) -> Rule:
    """Return the keyword with jsonschema's own search for what was evaluated, whose answer is a list; so the next."""

    def unevaluated(validator: Validator, _value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if validator.is_type(instance, "array"):
            evaluated = set(find(validator, instance, schema))
            left = [item for i, item in enumerate(instance) if i not in evaluated]
            if left:
                said = "Unevaluated items are not allowed (%s %s unexpected)"
                yield ValidationError(said % _utils.extras_msg(left))

    return unevaluated


def _unevaluated_properties(find: Rule) -> Rule:
    def unevaluated(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not validator.is_type(instance, "object"):
            return
        evaluated = set(find(validator, instance, schema))
        names = [name for name in instance if name not in evaluated]
        left = [name for name in names for _ in validator.descend(instance[name], value)]
        if left and value is False:
            said = "Unevaluated properties are not allowed (%s %s unexpected)"
            yield ValidationError(said % _utils.extras_msg(sorted(left)))
        elif left:
            said = "Unevaluated properties are not valid under the given schema (%s %s unevaluated and invalid)"
            yield ValidationError(said % _utils.extras_msg(left))

    return unevaluated

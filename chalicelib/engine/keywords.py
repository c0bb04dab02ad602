"""Keywords of JSON Schema within a budget: each takes from it by what it goes through, and none is more than linear.

jsonschema compares the items of an array with each other, and a value with each choice. Here they are told apart by
their canonical texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from jsonschema import Draft201909Validator, _utils, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from chalicelib.engine import values
from chalicelib.engine.evaluated import (
    evaluated_items,
    evaluated_items_of_2019,
    evaluated_properties,
    evaluated_properties_of_2019,
)
from chalicelib.engine.work import PARTS, ascend, descend, matches, spend, spend_parts

Rule = Callable[..., Any]

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

_SCHEMA_PARTS = 8
"""Going into a schema takes so many parts of a check, and one for each of its members, known or not."""
_VALID_PARTS = 4
_REFERENCE_PARTS = 8
"""Following a reference takes so many parts of a check for each level, and one for each character."""

_WEIGHT = 6
_WEIGHTS = {
    "not": 8,
    "if": 8,
    "contains": 8,
    "additionalProperties": 8,
    "unevaluatedItems": 10,
    "unevaluatedProperties": 12,
}


class Choices(list[Any]):
    """The values of an `enum`."""

    @cached_property
    def texts(self) -> frozenset[str]:
        """Return their canonical texts."""
        return frozenset(map(values.canonical, self))


def bounded(dialect: type[Validator]) -> type[Validator]:
    """Return a dialect whose keywords take from the budget of the validation that is going on."""
    rules = dialect.VALIDATORS | {
        keyword: rule for keyword, rule in _own(dialect).items() if keyword in dialect.VALIDATORS
    }
    counted = {
        keyword: _counted(_sized(keyword, rule), _WEIGHTS.get(keyword, _WEIGHT)) for keyword, rule in rules.items()
    }
    made: Any = validators.extend(dialect, counted)  # type: ignore[no-untyped-call]
    made.evolve = _evolve(made.evolve)
    made.descend = _descend(made.descend)
    made.is_valid = _is_valid
    found: type[Validator] = made
    return found


def _own(dialect: type[Validator]) -> dict[str, Rule]:
    of_2019 = dialect is Draft201909Validator
    return {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties(dialect.VALIDATORS["additionalProperties"]),
        "enum": _enum,
        "uniqueItems": _unique_items,
        "unevaluatedItems": _unevaluated_items(evaluated_items_of_2019 if of_2019 else evaluated_items),
        "unevaluatedProperties": _unevaluated_properties(
            evaluated_properties_of_2019 if of_2019 else evaluated_properties
        ),
    }


def _counted(rule: Rule, weight: int) -> Rule:
    def count(validator: Validator, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        spend(1)
        depth = descend(weight)
        try:
            for error in rule(validator, value, instance, schema) or ():
                if not error.schema_path:  # it is new, and passes all the keywords above
                    spend(1 + (len(error.message) + depth) // _SAID)
                yield error
        finally:
            ascend(weight)

    return count


def _sized(keyword: str, rule: Rule) -> Rule:
    """Return a keyword that takes also from the budget by the length of what it goes through."""
    work = _WORK.get(keyword)
    if work is None:
        return rule

    def sized(validator: Validator, value: Any, instance: Any, schema: Any) -> Any:
        spend(work(value, instance))
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


def _of_reference(target: str, _instance: Any) -> int:
    return (len(target) + _REFERENCE_PARTS * target.count("/")) // PARTS


_WORK: dict[str, Callable[[Any, Any], int]] = {
    "$ref": _of_reference,
    "$dynamicRef": _of_reference,
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


def _evolve(evolve: Rule) -> Rule:
    """Return `evolve` of a dialect, which goes through the members of the schema; so do the checks that follow."""

    def bounded_evolve(self: Any, **changes: Any) -> Any:
        schema = changes.get("schema")
        spend_parts(_SCHEMA_PARTS + len(schema) if isinstance(schema, dict) else _SCHEMA_PARTS)
        return evolve(self, **changes)

    return bounded_evolve


def _descend(go_into: Rule) -> Rule:
    """Return `descend` of a dialect, for which what `false` says about a large value is work too."""

    def bounded_descend(self: Any, instance: Any, schema: Any, *args: Any, **kwargs: Any) -> Any:
        if schema is False:
            spend(values.size(instance) // _MEASURED)
        elif schema is True:
            spend_parts(_VALID_PARTS)
        return go_into(self, instance, schema, *args, **kwargs)

    return bounded_descend


def _is_valid(self: Any, instance: Any) -> bool:
    """`is_valid` as jsonschema has it; `false` says nothing here."""
    spend_parts(_VALID_PARTS)
    return self.schema is not False and next(self.iter_errors(instance), None) is None


def _canonical(value: Any) -> str:
    text = values.canonical(value)
    spend(len(text) // _COMPARED)
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
        spend(sum(map(len, texts)) // _COMPARED)
        if len(set(texts)) < len(texts):
            yield ValidationError(f"{instance!r} has non-unique elements")


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`pattern` as jsonschema has it, but in linear time; so are the next two."""
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, below in patterns.items():
            for name, value in instance.items():
                if matches(pattern, name):
                    yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(rule: Rule) -> Rule:
    """Return the keyword for the members that no pattern takes; without patterns it is the dialect's own."""

    def additional(validator: Validator, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        patterns = schema.get("patternProperties", {})
        if not patterns or not validator.is_type(instance, "object"):
            yield from rule(validator, allowed, instance, schema)
            return
        known = schema.get("properties", {})
        left = [name for name in instance if name not in known and not any(matches(p, name) for p in patterns)]
        if allowed is False and left:
            names = ", ".join(map(repr, sorted(left)))
            yield ValidationError(f"{names}: no such property is known, and no pattern of {sorted(patterns)} matches")
            return
        plain = {keyword: value for keyword, value in schema.items() if keyword != "patternProperties"}
        yield from rule(validator, allowed, {name: instance[name] for name in left}, plain)

    return additional


def _unevaluated_items(find: Rule) -> Rule:
    """Return the keyword with what finds the items that were evaluated; so the next."""

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

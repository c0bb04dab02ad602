"""What `unevaluatedItems` and `unevaluatedProperties` leave out: the members that another keyword looked at.

The search finds what jsonschema's own finds, but it takes from the budget of the validation for every schema and every
member that it visits, it visits no member twice that it has found, and it matches patterns in linear time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from referencing.jsonschema import lookup_recursive_ref

from chalicelib.engine.work import ascend, descend, matches, spend, spend_parts

Part = tuple[Any, Any]
"""A schema for the same value, below a validator that knows where its references lead."""

_WEIGHT = 4
_PER_MEMBER = 2


def evaluated_items(validator: Any, instance: list[Any], schema: Any) -> set[int]:
    """Return the indexes of the items that were evaluated, by 2020-12."""
    return _search(_Items(instance), validator, schema)


def evaluated_items_of_2019(validator: Any, instance: list[Any], schema: Any) -> set[int]:
    """Return the indexes of the items that were evaluated, by 2019-09."""
    return _search(_ItemsOf2019(instance), validator, schema)


def evaluated_properties(validator: Any, instance: dict[str, Any], schema: Any) -> set[str]:
    """Return the names of the members that were evaluated, by 2020-12."""
    return _search(_Properties(instance), validator, schema)


def evaluated_properties_of_2019(validator: Any, instance: dict[str, Any], schema: Any) -> set[str]:
    """Return the names of the members that were evaluated, by 2019-09."""
    return _search(_PropertiesOf2019(instance), validator, schema)


def _search(search: _Search, validator: Any, schema: Any) -> set[Any]:
    search.visit(validator, schema)
    return search.found


class _Search:
    """A search among the members of one value, each known by its index or name."""

    dynamic = "$dynamicRef"

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.found: set[Any] = set()

    def visit(self, validator: Any, schema: Any) -> None:
        """Add what a schema evaluates."""
        if isinstance(schema, bool):
            return
        spend(1)
        descend(_WEIGHT)
        try:
            for part in self._parts(validator, schema):
                self.visit(*part)
            if len(self.found) < len(self.instance):
                self._add(validator, schema)
        finally:
            ascend(_WEIGHT)

    def _parts(self, validator: Any, schema: dict[str, Any]) -> Iterator[Part]:
        """Yield the schemas below that hold for the value itself."""
        for keyword in ("$ref", self.dynamic):
            if keyword in schema:
                yield _referred(validator, keyword, schema[keyword])
        for keyword in ("allOf", "anyOf", "oneOf"):
            for below in schema.get(keyword, ()):
                if _is_valid(validator, below, self.instance):
                    yield validator, below
        if "if" in schema:
            fits = _is_valid(validator, schema["if"], self.instance)
            for keyword in ("if", "then") if fits else ("else",):
                yield validator, schema.get(keyword, True)

    def _add(self, validator: Any, schema: dict[str, Any]) -> None:
        """Add what the keywords of a schema evaluate themselves."""
        raise NotImplementedError

    def _add_all(self, keys: Iterable[Any], number: int) -> None:
        spend_parts(_PER_MEMBER * number)
        self.found.update(keys)

    def _add_valid(self, validator: Any, below: Any, members: Iterable[tuple[Any, Any]]) -> None:
        """Add the members that are valid under a schema."""
        spend_parts(_PER_MEMBER * len(self.instance))
        if below is False:
            return  # as most say: nothing is valid
        is_valid: Callable[[Any], bool] = validator.evolve(schema=below).is_valid
        self.found.update(key for key, value in members if key not in self.found and is_valid(value))


class _Items(_Search):
    def _add(self, validator: Any, schema: dict[str, Any]) -> None:
        if self._add_placed(schema):
            return
        for keyword in ("contains", "unevaluatedItems"):
            if keyword in schema:
                self._add_valid(validator, schema[keyword], enumerate(self.instance))

    def _add_placed(self, schema: dict[str, Any]) -> bool:
        """Add what is evaluated by its place; say whether that is all there is."""
        return self._add_first(len(self.instance) if "items" in schema else len(schema.get("prefixItems", ())))

    def _add_first(self, number: int) -> bool:
        number = min(number, len(self.instance))
        self._add_all(range(number), number)
        return number == len(self.instance)


class _ItemsOf2019(_Items):
    dynamic = "$recursiveRef"

    def _add_placed(self, schema: dict[str, Any]) -> bool:
        items = schema.get("items", [])
        every = not isinstance(items, list) or ("items" in schema and "additionalItems" in schema)
        return self._add_first(len(self.instance) if every else len(items))


class _Properties(_Search):
    def _parts(self, validator: Any, schema: dict[str, Any]) -> Iterator[Part]:
        yield from super()._parts(validator, schema)
        dependent = schema.get("dependentSchemas", {})
        spend_parts(len(dependent))
        for name, below in dependent.items():
            if name in self.instance:
                yield validator, below

    def _add(self, validator: Any, schema: dict[str, Any]) -> None:
        self._add_named(schema.get("properties", {}))
        patterns = schema.get("patternProperties", {})
        if patterns:
            self.found.update(name for name in self.instance if any(matches(pattern, name) for pattern in patterns))
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if keyword in schema:
                self._add_others(validator, schema[keyword])

    def _add_named(self, names: dict[str, Any]) -> None:
        self._add_all(names.keys() & self.instance.keys(), min(len(names), len(self.instance)))

    def _add_others(self, validator: Any, below: Any) -> None:
        self._add_valid(validator, below, self.instance.items())


class _PropertiesOf2019(_Properties):
    dynamic = "$recursiveRef"

    def _add_others(self, validator: Any, below: Any) -> None:
        """Add all for `true`; for a schema jsonschema adds the members that are called like its keywords."""
        if below is True:
            self._add_all(self.instance.keys(), len(self.instance))
        elif isinstance(below, dict):
            self._add_named(below)


def _referred(validator: Any, keyword: str, target: Any) -> Part:
    resolver = validator._resolver
    found = lookup_recursive_ref(resolver) if keyword == "$recursiveRef" else resolver.lookup(target)
    return validator.evolve(schema=found.contents, _resolver=found.resolver), found.contents


def _is_valid(validator: Any, schema: Any, instance: Any) -> bool:
    return bool(validator.evolve(schema=schema).is_valid(instance))

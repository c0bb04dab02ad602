"""What was evaluated is found as jsonschema finds it, but within the budget: chains of schemas end, none hangs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft201909Validator, Draft202012Validator, _legacy_keywords, _utils

from chalicelib.engine import evaluated
from chalicelib.engine.keywords import bounded
from chalicelib.engine.schemas import DEPTH, InputSchema
from chalicelib.engine.work import TooDeep, budget
from tests.unit.engine.test_schemas import TOO_MUCH, compiled, in_dialect

NEWER: list[Any] = [Draft201909Validator, Draft202012Validator]
BOUNDED = {dialect: bounded(dialect) for dialect in NEWER}
FINDERS: dict[Any, Any] = {
    Draft201909Validator: (
        evaluated.evaluated_items_of_2019,
        evaluated.evaluated_properties_of_2019,
        _legacy_keywords.find_evaluated_item_indexes_by_schema,
        _legacy_keywords.find_evaluated_property_keys_by_schema,
    ),
    Draft202012Validator: (
        evaluated.evaluated_items,
        evaluated.evaluated_properties,
        _utils.find_evaluated_item_indexes_by_schema,
        _utils.find_evaluated_property_keys_by_schema,
    ),
}


def found(dialect: Any, schema: Any, value: Any) -> set[Any]:
    """Return the indexes or names that are evaluated."""
    items, properties, _, _ = FINDERS[dialect]
    with budget():
        keys: set[Any] = (items if isinstance(value, list) else properties)(BOUNDED[dialect](schema), value, schema)
        return keys


def found_by_jsonschema(dialect: Any, schema: Any, value: Any) -> set[Any]:
    _, _, items, properties = FINDERS[dialect]
    keys = (items if isinstance(value, list) else properties)(dialect(schema), value, schema)
    return set(keys) & set(range(len(value)) if isinstance(value, list) else value)


A: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
STRING = {"type": "string"}
TEXTS: list[Any] = [1, "a", "b", None]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"$ref": "#/$defs/x", "$defs": {"x": A}}, {"a": 1, "b": 2}, "a"),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/y"}, "y": A}}, {"a": 1, "b": 2}, "a"),
        ({"allOf": [A, {"properties": {"b": True}}]}, {"a": 1, "b": 2, "c": 3}, "ab"),
        ({"anyOf": [A, {"properties": {"b": False}}]}, {"a": 1, "b": 2}, "a"),
        ({"oneOf": [{"properties": {"a": STRING}}, {"properties": {"b": True}}]}, {"a": 1, "b": 2}, "b"),
        ({"not": {"not": A}}, {"a": 1}, ""),
        (
            {"if": A, "then": {"properties": {"b": True}}, "else": {"properties": {"c": True}}},
            {"a": 1, "b": 2, "c": 3},
            "ab",
        ),
        ({"if": A, "then": {"properties": {"b": True}}, "else": {"properties": {"c": True}}}, {"a": "", "c": 3}, "c"),
        ({"then": A, "else": A}, {"a": 1}, ""),
        ({"if": A}, {"a": 1, "b": 2}, "a"),
        ({"dependentSchemas": {"a": {"properties": {"b": True}}, "x": A}}, {"a": 1, "b": 2}, "b"),
        ({"patternProperties": {"^x": True, "y$": True}}, {"xa": 1, "by": 2, "c": 3}, ["xa", "by"]),
        ({"additionalProperties": True}, {"a": 1, "b": 2}, "ab"),
        ({"additionalProperties": False}, {"a": 1}, ""),
        ({"allOf": [{"unevaluatedProperties": True}]}, {"a": 1, "b": 2}, "ab"),
        ({"allOf": [{"allOf": [A], "unevaluatedProperties": False}]}, {"a": 1}, "a"),
        (True, {"a": 1}, ""),
        ({"allOf": [True, {}]}, {"a": 1}, ""),
        ({"items": {}}, TEXTS, range(4)),
        ({"not": {"items": {}}}, TEXTS, ()),
        ({"if": {"items": STRING}, "then": {"items": True}, "else": {}}, TEXTS, ()),
    ],
)
@pytest.mark.parametrize("dialect", NEWER)
def test_members_are_found_in_both_dialects(dialect: Any, schema: Any, value: Any, expected: Any) -> None:
    assert found(dialect, schema, value) == found_by_jsonschema(dialect, schema, value) == set(expected)


@pytest.mark.parametrize(
    ("dialect", "schema", "value", "expected"),
    [
        (Draft202012Validator, {"prefixItems": [True, True]}, TEXTS, (0, 1)),
        (Draft202012Validator, {"prefixItems": [True] * 9}, TEXTS, range(4)),
        (Draft202012Validator, {"contains": STRING}, TEXTS, (1, 2)),
        (Draft202012Validator, {"unevaluatedItems": STRING}, TEXTS, (1, 2)),
        (Draft202012Validator, {"allOf": [{"prefixItems": [True]}, {"contains": {"const": None}}]}, TEXTS, (0, 3)),
        (Draft202012Validator, {"items": True}, TEXTS, range(4)),
        (Draft202012Validator, {"additionalProperties": STRING}, {"a": "", "b": 1}, "a"),
        (Draft202012Validator, {"allOf": [{"unevaluatedProperties": STRING}]}, {"a": "", "b": 1}, ""),
        (Draft202012Validator, {"anyOf": [{"unevaluatedProperties": STRING}]}, {"a": "", "b": ""}, "ab"),
        (
            Draft202012Validator,
            {"$dynamicRef": "#x", "$defs": {"x": {"$dynamicAnchor": "x", "properties": {"a": True}}}},
            {"a": 1, "b": 2},
            "a",
        ),
        (Draft201909Validator, {"items": [True, True]}, TEXTS, (0, 1)),
        (Draft201909Validator, {"items": [True], "additionalItems": {}}, TEXTS, range(4)),
        (Draft201909Validator, {"additionalItems": {}}, TEXTS, ()),
        (Draft201909Validator, {"contains": STRING}, TEXTS, (1, 2)),
        (Draft201909Validator, {"additionalProperties": {"type": "integer"}}, {"type": 1, "b": 2}, ["type"]),
    ],
)
def test_members_are_found_by_what_a_dialect_has(dialect: Any, schema: Any, value: Any, expected: Any) -> None:
    assert found(dialect, schema, value) == found_by_jsonschema(dialect, schema, value) == set(expected)


_small: Any = st.sampled_from([1, "a", None, [], {}, ["a"], {"a": 1}])
_values: Any = st.lists(_small, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "cc", "type"]), _small)
_leaves: Any = st.booleans() | st.sampled_from([{}, STRING, {"type": "object"}, {"const": 1}, {"minLength": 1}])


def _above(schemas: Any) -> Any:
    lists = st.lists(schemas, min_size=1, max_size=2)
    one = ["contains", "unevaluatedItems", "additionalProperties", "unevaluatedProperties", "items", "not"]
    one += ["if", "then", "else", "additionalItems"]
    by: dict[str, Any] = dict.fromkeys(one, schemas) | dict.fromkeys(["allOf", "anyOf", "oneOf", "prefixItems"], lists)
    by["properties"] = st.dictionaries(st.sampled_from(["a", "b"]), schemas, max_size=2)
    by["dependentSchemas"] = by["properties"]
    by["patternProperties"] = st.dictionaries(st.sampled_from(["^a", "c+$", "b|y"]), schemas, max_size=2)
    by["$ref"] = st.sampled_from(["#/$defs/x", "#/$defs/y"])
    return st.fixed_dictionaries({}, optional=by)


def _without_references(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _without_references(value) for key, value in schema.items() if key != "$ref"}
    return [_without_references(item) for item in schema] if isinstance(schema, list) else schema


_schemas: Any = st.recursive(_leaves, _above, max_leaves=8)


@given(st.sampled_from(NEWER), _above(_schemas), _schemas, _schemas, _values)
def test_any_members_are_found_as_jsonschema_finds_them(dialect: Any, schema: Any, x: Any, y: Any, value: Any) -> None:
    x = x | {"$ref": "#/$defs/y"} if isinstance(x, dict) else x
    plain = _without_references(x)
    plain = plain | {"$ref": "#/$defs/y"} if isinstance(plain, dict) else plain
    schema = schema | {"$defs": {"x": plain, "y": _without_references(y)}}
    try:
        expected = found_by_jsonschema(dialect, schema, value)
    except TypeError:
        assume(False)  # as it does for `items: true` in 2019-09
    assert found(dialect, schema, value) == expected


@pytest.mark.parametrize("items", [True, {}])
def test_items_that_may_be_anything_are_evaluated_in_2019_too(items: Any) -> None:
    schema = compiled(in_dialect(Draft201909Validator, {"items": items, "unevaluatedItems": False}))
    assert schema.problem([1, "a"]) is None


def chain(dialect: Any, length: int, first: Any, keyword: str, last: Any = None) -> InputSchema:
    """Return a schema of schemas that each refer to the one before, and leave unevaluated what that did."""
    own = {keyword: {} if last is None else last}
    steps = {f"u{k}": {"$ref": f"#/$defs/u{k - 1}"} | own for k in range(1, length + 1)}
    return compiled(in_dialect(dialect, {"$ref": f"#/$defs/u{length}", "$defs": {"u0": first} | steps}))


NAMES = {str(i): 0 for i in range(20_000)}
ZEROS = [0] * 20_000


@pytest.mark.parametrize("dialect", NEWER)
@pytest.mark.parametrize(
    ("first", "keyword", "value"),
    [
        ({"additionalProperties": {}}, "unevaluatedProperties", NAMES),
        ({"additionalProperties": True}, "unevaluatedProperties", NAMES),
        ({"contains": {}}, "unevaluatedItems", ZEROS),
        ({"contains": True}, "unevaluatedItems", ZEROS),
        ({}, "unevaluatedItems", ZEROS),
        ({}, "unevaluatedProperties", NAMES),
    ],
)
def test_chains_of_what_is_unevaluated_end(dialect: Any, first: Any, keyword: str, value: Any) -> None:
    assert chain(dialect, 80, first, keyword).problem(value) == TOO_MUCH


@pytest.mark.parametrize("dialect", NEWER)
def test_short_chains_take_large_values(dialect: Any) -> None:
    assert chain(dialect, 3, {"additionalProperties": True}, "unevaluatedProperties", False).problem(NAMES) is None
    assert chain(dialect, 3, {"items": {}}, "unevaluatedItems", False).problem(ZEROS) is None


@pytest.mark.parametrize("dialect", NEWER)
@pytest.mark.parametrize("value", [{"a": 1}, [1]])
def test_references_without_end_are_too_deep_to_search(dialect: Any, value: Any) -> None:
    steps = {f"u{k}": {"$ref": f"#/$defs/u{k - 1}"} for k in range(1, 2000)}
    for schema in ({"$ref": "#"}, {"$ref": "#/$defs/u1999", "$defs": {"u0": {}} | steps}):
        with pytest.raises(TooDeep):
            found(dialect, schema, value)
        assert compiled(in_dialect(dialect, schema | {"unevaluatedItems": {}})).problem(value) == DEPTH


def test_patterns_are_searched_in_linear_time() -> None:
    names = {"a" * 5000 + "b": 1}
    assert found(Draft202012Validator, {"patternProperties": {"^(a+)+$": True}}, names) == set()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"allOf": [{"items": {}}] * 8}, [0] * 200_000),
        ({"allOf": [{"propertyNames": {}}] * 8}, NAMES | {f"n{i}": 0 for i in range(100_000)}),
        ({"allOf": [{"additionalProperties": {}}] * 8}, NAMES | {f"n{i}": 0 for i in range(100_000)}),
        ({"items": {f"x-{i}": 0 for i in range(700)}}, [0] * 20_000),
        ({"items": {"not": {"not": {f"x-{i}": 0 for i in range(700)}}}}, [0] * 20_000),
        ({"items": {"$ref": "#/" + "%41" * 3000}, "A" * 3000: {}}, [0] * 20_000),
    ],
)
def test_schemas_that_say_nothing_are_work_too(schema: Any, value: Any) -> None:
    assert compiled(schema).problem(value) == TOO_MUCH


@pytest.mark.parametrize("dialect", NEWER)
def test_large_ordinary_lists_are_well_within_the_work(dialect: Any) -> None:
    item = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {name: {"type": "string"} for name in ("id", "name", "city")},
    }
    schema = {"items": {"$ref": "#/$defs/item"}, "$defs": {"item": item}}
    assert compiled(in_dialect(dialect, schema)).problem([{"id": "1", "name": "x", "city": "y"}] * 10_000) is None

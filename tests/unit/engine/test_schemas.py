"""Schemas of authors: wrong ones are refused by path, references stay inside, evaluation is bounded, nothing raises."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.errors import Problem
from chalicelib.engine.schemas import DEPTH, InputSchema, compile_schema

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def compiled(schema: Any) -> InputSchema:
    problems: list[Problem] = []
    found = compile_schema(schema, "/inputSchema", problems)
    assert problems == []
    return found


def refused(schema: Any) -> list[str]:
    problems: list[Problem] = []
    compile_schema(schema, "/inputSchema", problems)
    return [problem.path for problem in problems]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({"type": "objekt"}, ["/type"]),
        ({"properties": {"a/b": {"minLength": -1}, "c": 3}}, ["/properties/a~1b/minLength", "/properties/c"]),
        ({"pattern": "("}, ["/pattern"]),
        ({"required": "foo"}, ["/required"]),
        ({"$schema": "https://json-schema.org/draft/3030/schema"}, ["/$schema"]),
        ({"$schema": 7}, ["/$schema"]),
        ({"$schema": []}, ["/$schema"]),
        ({"$ref": "https://x.example/schema.json"}, ["/$ref"]),
        ({"$ref": "other.json#/a"}, ["/$ref"]),
        ({"$ref": "#/$defs/none"}, ["/$ref"]),
        ({"$ref": "#none"}, ["/$ref"]),
        ({"$dynamicRef": "#none"}, ["/$dynamicRef"]),
        ({"$ref": "#/title", "title": "text"}, ["/$ref"]),
        ({"$ref": "#/prefixItems/x", "prefixItems": [True]}, ["/$ref"]),
        ({"$ref": "#/x-odd", "x-odd": {"type": "objekt"}}, ["/$ref/type"]),
        ({"$ref": "#/x-odd", "x-odd": {"$ref": "http://x.example"}}, ["/$ref/$ref"]),
        ({"items": {"$id": "http://["}}, ["/items/$id"]),
        ({"items": {"$schema": DRAFT_7}}, ["/items/$schema"]),
        ({"allOf": [{"if": {"then": {"$ref": "x"}}}]}, ["/allOf/0/if/then/$ref"]),
        ({"$schema": DRAFT_7, "dependencies": {"a": {"$ref": "x"}}}, ["/dependencies/a/$ref"]),
    ],
)
def test_schemas_that_cannot_be_used_are_refused_by_path(schema: Any, paths: list[str]) -> None:
    assert refused(schema) == ["/inputSchema" + path for path in paths]


def test_pattern_that_breaks_the_compiler_of_patterns_is_refused() -> None:
    assert refused({"properties": {"a": {"pattern": "a{99999999999999999999}"}}}) == ["/inputSchema"]


def test_properties_may_be_called_like_keywords() -> None:
    names = ["$ref", "$id", "$schema", "properties", "const"]
    schema = {"properties": {name: {"type": "string"} for name in names}, "const": {"$ref": "x", "$id": "http://["}}
    assert compiled(schema).problem({"$ref": "x", "$id": "http://["}) is None


def test_definitions_inside_and_recursion_work() -> None:
    tree = {
        "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}, "type": "object"}},
        "$ref": "#/$defs/node",
    }
    assert compiled(tree).problem({"next": {"next": {}}}) is None
    assert "3 is not of type 'object'" in str(compiled(tree).problem({"next": {"next": 3}}))
    anchored = {"$defs": {"a": {"$anchor": "here", "type": "string"}}, "items": {"$ref": "#here"}}
    assert compiled(anchored).problem(["x"]) is None
    assert compiled(anchored).problem([1]) is not None


def test_own_name_of_a_schema_changes_nothing() -> None:
    schema = {"$id": "https://x.example/s", "$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}}
    assert compiled(schema).problem([1]) is not None
    assert compiled({"$id": "http://[", "type": "string"}).problem("x") is None


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07"])
def test_older_dialects_keep_their_meaning(draft: str) -> None:
    schema = {"$schema": f"http://json-schema.org/{draft}/schema#", "items": [{"type": "string"}]}
    assert compiled(schema).problem(["a", 1]) is None
    assert compiled(schema).problem([1]) is not None


def test_boolean_schemas_are_schemas() -> None:
    assert compiled(True).problem({"a": 1}) is None
    assert str(compiled(False).problem(3)).startswith("False schema does not allow 3")


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"not": {"$ref": "#"}}])
def test_schema_that_refers_to_itself_without_end_accepts_nothing_and_does_not_raise(schema: Any) -> None:
    assert compiled(schema).problem({}) == DEPTH


def test_schema_that_multiplies_is_cut_off() -> None:
    defs = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)}
    schema = {"$defs": defs | {"d40": {"type": "string"}}, "$ref": "#/$defs/d0"}
    assert "takes more than" in str(compiled(schema).problem("x"))


def test_numbers_beyond_all_floats_are_survived() -> None:
    assert "cannot be checked" in str(compiled({"multipleOf": 0.1}).problem(10**400))
    assert compiled({"maximum": 1e308}).problem(10**400) is not None


def test_deep_values_are_survived() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert compiled({"properties": {"a": {"$ref": "#"}}}).problem(deep) == DEPTH


def test_messages_show_keys_in_order() -> None:
    one = compiled({"type": "object", "required": ["a"], "properties": {"b": True, "a": True}})
    other = compiled({"properties": {"a": True, "b": True}, "required": ["a"], "type": "object"})
    assert one.problem({}) == other.problem({})

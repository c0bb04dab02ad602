"""Schemas of authors: wrong ones are refused by path, references stay inside, evaluation is bounded, nothing raises."""

from __future__ import annotations

import time
from collections.abc import Callable
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


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a{99999999999999999999}", "a repetition may count to 1000"),
        ("a{1001}", "repetition"),
        ("(a{100}){100}", "repetition"),
        ("(?=a)b", "(?="),
        (r"(a)\1", r"\1"),
        (r"a\Z", r"\Z"),
        ("a[", "missing ]"),
        ("a" * 5000, "at most 4096"),
        (r"\p{L}{1000}", "too large"),
    ],
)
@pytest.mark.parametrize("where", ["pattern", "patternProperties"])
def test_patterns_that_the_linear_engine_lacks_are_refused_with_the_reason(
    where: str, pattern: str, reason: str
) -> None:
    problems: list[Problem] = []
    schema = {"pattern": pattern} if where == "pattern" else {"patternProperties": {pattern: True}}
    compile_schema({"properties": {"a": schema}}, "/inputSchema", problems)
    (problem,) = problems
    assert problem.path.startswith(f"/inputSchema/properties/a/{where}")
    assert reason in problem.message


@pytest.mark.parametrize(
    ("schema", "hanging"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 50_000 + "b"),
        ({"pattern": "^(a|a)*$"}, "a" * 50_000 + "b"),
        ({"pattern": r"^([a-zA-Z0-9]+\s?)+$"}, "a" * 50_000 + "!"),
        ({"patternProperties": {"^(a+)+$": True}, "additionalProperties": False}, {"a" * 50_000 + "b": 1}),
        ({"propertyNames": {"pattern": "^(a+)+$"}}, {"a" * 50_000 + "b": 1}),
    ],
)
def test_no_pattern_hangs(schema: Any, hanging: Any) -> None:
    found = compiled(schema)
    began = time.process_time()
    assert found.problem(hanging) is not None
    assert time.process_time() - began < 1


def test_work_of_large_patterns_on_large_texts_is_bounded() -> None:
    arms = "|".join(f"[ab]*a[ab]{{{k}}}c" for k in range(300, 310))
    found = compiled({"items": {"pattern": arms}})
    began = time.process_time()
    assert found.problem(["ab" * 30_000] * 100) == "the schema takes more than 100000 checks for this value"
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("schema", "fits", "fails"),
    [
        ({"pattern": r"^\u00e9\d{2,}$"}, "é12", "é1"),
        ({"pattern": r"\p{Lu}"}, "aÉ", "aé"),
        ({"patternProperties": {"^x-": {"type": "string"}}}, {"x-a": "1", "b": 1}, {"x-a": 1}),
        (
            {"properties": {"b": True}, "patternProperties": {"^x-": True}, "additionalProperties": False},
            {"x-a": 1, "b": 2},
            {"x-a": 1, "c": 2},
        ),
        (
            {"patternProperties": {"^x-": True}, "additionalProperties": {"type": "integer"}},
            {"x-a": "text", "c": 2},
            {"x-a": 1, "c": "text"},
        ),
        ({"additionalProperties": False, "properties": {"a": True}}, {"a": 1}, {"b": 1}),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}]}, {"a": 1}, {"b": 1}),
    ],
)
@pytest.mark.parametrize("dialect", [None, "https://json-schema.org/draft/2019-09/schema"])
def test_patterns_mean_what_json_schema_says(schema: Any, fits: Any, fails: Any, dialect: str | None) -> None:
    found = compiled(schema | ({"$schema": dialect} if dialect else {}))
    assert found.problem(fits) is None
    assert found.problem(fails) is not None


def test_patterns_and_unevaluated_properties_do_not_go_together() -> None:
    schema = {"patternProperties": {"a": True}, "properties": {"b": {"unevaluatedProperties": False}}}
    assert refused(schema) == ["/inputSchema/properties/b/unevaluatedProperties"]


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


def at_frame(depth: int, do: Callable[[], Any]) -> Any:
    return do() if depth == 0 else at_frame(depth - 1, do)


@pytest.mark.parametrize("frames", range(0, 240, 8))
def test_schema_without_end_is_found_wherever_the_stack_stands(frames: int) -> None:
    """Compiled parts of the validator panic when the stack ends in one of them, and a panic is no Exception."""
    assert at_frame(frames, lambda: compiled({"not": {"$ref": "#"}}).problem({})) == DEPTH


def test_schema_of_a_tree_takes_trees_as_deep_as_a_value_may_be() -> None:
    schema = {"type": "object", "properties": {"below": {"items": {"$ref": "#"}}}}
    tree: Any = {"below": [1]}
    for _ in range(48):
        tree = {"below": [tree]}
    assert "1 is not of type 'object'" in (compiled(schema).problem(tree) or "")


@pytest.mark.parametrize(
    ("levels", "schema"),
    [
        (100, {"type": "object", "properties": {"c": {"$ref": "#"}}}),
        (70, {"properties": {"c": {"anyOf": [{"type": "string"}, {"$ref": "#"}]}}}),
        (
            50,
            {
                "oneOf": [{"type": "string"}, {"$ref": "#/$defs/n"}],
                "$defs": {"n": {"properties": {"c": {"$ref": "#"}}}},
            },
        ),
        (40, {"allOf": [{"if": {"type": "object"}, "then": {"properties": {"c": {"$ref": "#"}}}}]}),
    ],
)
def test_recursive_schemas_take_values_of_so_many_levels(levels: int, schema: Any) -> None:
    value: Any = {}
    for _ in range(levels):
        value = {"c": value}
    assert compiled(schema).problem(value) is None


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

"""Schemas of authors: wrong ones are refused by path, references stay inside, evaluation is bounded, nothing raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
from jsonschema.exceptions import best_match

from chalicelib.engine import patterns, values
from chalicelib.engine.checks import MAX_PROBLEMS
from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid, Problem
from chalicelib.engine.schemas import DEPTH, InputSchema, compile_schema
from tests.unit.engine.world import document

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DIALECTS: list[Any] = [Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator]
NEWER: list[Any] = [Draft201909Validator, Draft202012Validator]
TOO_MUCH = "the schema takes more than 100000 checks for this value"


def compiled(schema: Any) -> InputSchema:
    problems: list[Problem] = []
    found = compile_schema(schema, "/inputSchema", problems)
    assert problems == []
    return found


def in_dialect(dialect: Any, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": dialect.META_SCHEMA["$schema"]} | schema


@dataclass
class Calls:
    """How often something was called."""

    number: int = 0

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.number += 1
            return function(*args)

        return call


def told_by_jsonschema(dialect: Any, schema: Any, value: Any) -> str | None:
    error = best_match(dialect(schema).iter_errors(value))
    return None if error is None else str(error)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    monkeypatch.setattr(values, "canonical", calls.of(values.canonical))
    return calls


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    patterns._compiled.cache_clear()
    monkeypatch.setattr(re2, "compile", calls.of(re2.compile))
    return calls


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
        ({"$ref": "#/x-odd", "x-odd": {"type": "objekt"}}, ["/x-odd/type"]),
        ({"$ref": "#/x-odd", "x-odd": {"$ref": "http://x.example"}}, ["/x-odd/$ref"]),
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
    assert time.process_time() - began < 10


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


_small = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 10, 0.0, -0.0, 1.0, 1.5, 1e300, 10**300, int(1e300), "", "1", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


def same(left: Any, right: Any) -> bool:
    return bool(Draft202012Validator({"const": left}).is_valid(right))


@given(_small, _small)
def test_canonical_texts_are_the_same_for_what_json_schema_takes_for_equal(left: Any, right: Any) -> None:
    assert (values.canonical(left) == values.canonical(right)) == same(left, right) == values.equal(left, right)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (0, -0.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [True], False),
        ("1", 1, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ({"a": None}, {}, False),
        (["a", "b"], ["b", "a"], False),
        (['a","b'], ["a", "b"], False),
        (10**300, 1e300, False),
        (255, "ff", False),
        (None, "None", False),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_equality_of_unique_items_and_enum(dialect: Any, one: Any, other: Any, equal: bool) -> None:
    unique = compiled(in_dialect(dialect, {"uniqueItems": True}))
    assert (unique.problem([one, "between", other]) is not None) == equal
    assert (compiled(in_dialect(dialect, {"enum": ["first", one]})).problem(other) is None) == equal


@given(st.sampled_from(DIALECTS), st.lists(_small, max_size=5))
def test_unique_items_is_what_comparing_all_with_all_says(dialect: Any, items: list[Any]) -> None:
    doubled = any(same(left, right) for i, left in enumerate(items) for right in items[:i])
    found = compiled(in_dialect(dialect, {"uniqueItems": True})).problem(items)
    assert (found or "").startswith(f"{items!r} has non-unique elements" if doubled else "")
    assert (found is not None) == doubled
    assert compiled(in_dialect(dialect, {"uniqueItems": False})).problem(items) is None


@given(st.sampled_from(DIALECTS), st.lists(_small, min_size=1, max_size=5, unique_by=values.canonical), _small)
def test_enum_takes_what_jsonschema_takes(dialect: Any, choices: list[Any], value: Any) -> None:
    found = compiled(in_dialect(dialect, {"enum": choices})).problem(value)
    assert (found is None) == dialect({"enum": choices}).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1.0}]),
        ({"enum": ["a", {"b": 1}, 2]}, "c"),
        ({"items": {"enum": [1, 2]}}, [1, 3]),
        ({"required": ["a", "b"]}, {"a": 1}),
        ({"properties": {"a": False}}, {"a": 1}),
        ({"not": {"type": "string"}}, "x"),
        ({"allOf": [{"anyOf": [{"type": "string"}, {"enum": [1]}]}]}, 2),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS[1:])
def test_errors_read_as_those_of_jsonschema(dialect: Any, schema: Any, value: Any) -> None:
    assert compiled(in_dialect(dialect, schema)).problem(value) == told_by_jsonschema(dialect, schema, value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"contains": {"type": "string"}, "unevaluatedItems": False}, [1, "a", 2]),
        ({"allOf": [{"contains": {"type": "string"}}], "unevaluatedItems": {"type": "integer"}}, [1, "a", 2, None]),
        ({"properties": {"a": True}, "unevaluatedProperties": False}, {"c": 1, "a": 2, "b": 3}),
        (
            {"anyOf": [{"properties": {"a": True}}], "unevaluatedProperties": {"type": "string"}},
            {"a": 1, "b": 2, "c": ""},
        ),
        ({"unevaluatedProperties": False}, {}),
        ({"unevaluatedItems": False}, []),
    ],
)
@pytest.mark.parametrize("dialect", NEWER)
def test_what_was_not_evaluated_is_told_as_by_jsonschema(dialect: Any, schema: Any, value: Any) -> None:
    in_order = {keyword: schema[keyword] for keyword in sorted(schema)}
    assert compiled(in_dialect(dialect, schema)).problem(value) == told_by_jsonschema(dialect, in_order, value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_items_are_compared_in_linear_time(dialect: Any, compared: Calls) -> None:
    assert compiled(in_dialect(dialect, {"uniqueItems": True})).problem([{"a": i} for i in range(8000)]) is None
    assert compared.number == 2 * 8000


def test_choices_are_gone_through_once(compared: Calls) -> None:
    found = compiled({"items": {"enum": list(range(20_000))}})
    assert found.problem([19_999] * 1000) is None
    assert found.problem([19_999] * 1000) is None
    assert compared.number == 20_000 + 2 * 1000


@pytest.mark.parametrize("dialect", DIALECTS)
def test_choices_are_compared_in_linear_time_when_posted(dialect: Any, compared: Calls) -> None:
    compiled(in_dialect(dialect, {"enum": [{"a": i} for i in range(5000)]}))
    assert compared.number <= 2 * 5000


def test_lists_of_a_wrong_shape_are_compared_in_linear_time_when_posted(compared: Calls) -> None:
    assert len(refused({"required": [{"a": i} for i in range(5000)]})) == MAX_PROBLEMS + 1
    assert compared.number <= 2 * 5000


MANY = [f"n{i}" for i in range(10_000)]
LARGE = list(range(200_000))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"required": MANY}}, [{}] * 300),
        ({"items": {"required": MANY}}, [dict.fromkeys(MANY)] * 3000),
        ({"items": {"properties": dict.fromkeys(MANY, True)}}, [{}] * 3000),
        ({"items": {"dependentRequired": {"a": MANY}}}, [{"a": 1}] * 300),
        ({"$schema": DRAFT_7, "items": {"dependencies": {"a": MANY}}}, [{"a": 1}] * 300),
        ({"items": {"enum": MANY}}, [0] * 2000),
        ({"items": {"const": LARGE}}, [LARGE] * 100),
        ({"allOf": [{"enum": [1]}] * 100}, LARGE),
        ({"allOf": [{"uniqueItems": True}] * 100}, LARGE),
        ({"allOf": [{"contains": True}] * 100}, LARGE),
        ({"allOf": [{"items": True}] * 100}, LARGE),
        ({"allOf": [{"type": "string"}] * 500}, LARGE),
        ({"allOf": [{"not": {"type": "string"}}] * 500}, LARGE),
        ({"allOf": [False] * 500}, LARGE),
        ({"items": {"allOf": [True] * 1000}}, [1] * 5000),
    ],
)
def test_long_lists_and_large_values_count(schema: Any, value: Any) -> None:
    assert compiled(schema).problem(value) == TOO_MUCH


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"uniqueItems": True}, LARGE),
        ({"items": {"required": MANY[:20]}}, [dict.fromkeys(MANY[:30], 1)] * 20_000),
        ({"items": {"properties": dict.fromkeys(MANY[:200], True)}}, [{}] * 20_000),
        ({"contains": True, "unevaluatedItems": False}, LARGE),
        ({"not": False}, LARGE),
    ],
)
def test_usual_schemas_take_large_values(schema: Any, value: Any) -> None:
    assert compiled(schema).problem(value) is None


def test_refused_patterns_are_not_compiled_beyond_what_is_told(compilations: Calls) -> None:
    schema = {"properties": {f"p{i}": {"pattern": rf"[\p{{L}}]{{1000}}{i}"} for i in range(2000)}}
    assert len(refused(schema)) == MAX_PROBLEMS + 1
    assert compilations.number <= MAX_PROBLEMS + 1


def test_patterns_of_a_definition_are_compiled_within_one_budget(compilations: Calls) -> None:
    def schema(k: int) -> Any:
        return {"properties": {f"p{i}": {"pattern": r"\p{L}|" * 400 + f"{k}-{i}"} for i in range(5)}}

    steps = [{"type": "human", "title": "t", "inputSchema": schema(k)} for k in range(20)]
    with pytest.raises(DefinitionInvalid) as caught:
        parse(document(*steps))
    (problem,) = caught.value.problems
    assert problem.message == "the pattern cannot be used: with those before it, it takes too much to compile"
    assert compilations.number < 25


def test_many_usual_patterns_fit_and_are_compiled_once(compilations: Calls) -> None:
    found = compiled({"patternProperties": {f"^x{i}-[a-z]+$": {"type": "string"} for i in range(1000)}})
    posted = compilations.number
    for _ in range(3):
        assert found.problem({"x7-a": "text", "x999-b": "text"}) is None
    assert (posted, compilations.number) == (1000, 2000)


def test_same_wrong_pattern_is_told_wherever_it_stands() -> None:
    assert refused({"items": {"pattern": "("}, "not": {"pattern": "("}}) == [
        "/inputSchema/items/pattern",
        "/inputSchema/not/pattern",
    ]


@pytest.mark.parametrize("where", ["$defs", "x-odd"])
def test_references_may_lead_to_references_however_often(where: str) -> None:
    chain: Any = {f"d{i}": {"properties": {"x": {"$ref": f"#/{where}/d{i + 1}"}}} for i in range(200)}
    found = compiled({where: chain | {"d200": {"type": "string"}}, "$ref": f"#/{where}/d0"})
    value: Any = "text"
    for _ in range(100):
        value = {"x": value}
    assert found.problem(value) is None
    last = compiled({where: chain | {"d200": {"type": "string"}}, "$ref": f"#/{where}/d198"})
    assert "3 is not of type 'string'" in (last.problem({"x": {"x": 3}}) or "")


def test_what_references_lead_to_is_told_where_it_stands() -> None:
    chain: Any = {f"d/{i}": {"properties": {"x": {"$ref": f"#/x-odd/d~1{i + 1}"}}} for i in range(200)}
    chain["d/200"] = {"type": "objekt", "pattern": "("}
    schema = {"x-odd": chain, "$ref": "#/x-odd/d~10", "properties": {"a b": {"$ref": "#/x-odd/d%7E1200"}}}
    assert refused(schema) == ["/inputSchema/x-odd/d~1200/type", "/inputSchema/x-odd/d~1200/pattern"]


def test_a_wrong_shape_hides_no_pattern_and_no_reference() -> None:
    schema = {"type": "objct", "properties": {"a": {"pattern": "(?=a)"}, "b": {"$ref": "http://x/y"}}}
    assert refused(schema) == [
        f"/inputSchema{path}" for path in ("/type", "/properties/a/pattern", "/properties/b/$ref")
    ]


KEYWORDS = [
    "$anchor",
    "$defs",
    "$dynamicAnchor",
    "$id",
    "$recursiveAnchor",
    "$ref",
    "$vocabulary",
    "additionalProperties",
    "allOf",
    "contains",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "enum",
    "id",
    "if",
    "items",
    "not",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
    "unevaluatedProperties",
    "uniqueItems",
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("odd", [None, 3, "text", [], [3], {}, {"a": 3}, [[]], {"$ref": 3}, True])
def test_odd_shapes_never_raise(dialect: Any, odd: Any) -> None:
    for keyword in KEYWORDS:
        schema = in_dialect(
            dialect, {keyword: odd, "not": {"pattern": "("}, "oneOf": [{"$ref": "#here"}, {"$ref": "#/x"}]}
        )
        assert "/inputSchema/oneOf/1/$ref" in refused(schema)


def test_problems_of_a_schema_are_no_more_than_are_listed() -> None:
    assert len(refused({"properties": {f"p{i}": {"$ref": "http://x"} for i in range(5000)}})) == MAX_PROBLEMS + 1

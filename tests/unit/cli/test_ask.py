"""Questions from schemas: whatever lines are given, what comes out passes the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sedo.cli.ask import Questions


class NoMoreLines(Exception):
    pass


def ask(schema: Any, *lines: str) -> tuple[Any, list[str]]:
    """The answer, and all that was asked and told."""
    left, said = iter(lines), []

    def read(prompt: str) -> str:
        said.append(prompt)
        try:
            return next(left)
        except StopIteration:
            raise NoMoreLines(said) from None

    answer = Questions(schema, read, said.append).answer()
    assert list(left) == [], "not all lines were asked for"
    return answer, said


@pytest.mark.parametrize(
    ("schema", "lines", "wanted"),
    [
        ({"type": "string"}, ["hello"], "hello"),
        ({"type": "string"}, ['""'], ""),
        ({"type": "string"}, ['"two\\nlines"'], "two\nlines"),
        ({"type": "string"}, ["12"], "12"),
        ({"type": "integer"}, ["1.5", "x", "-3"], -3),
        ({"type": "number"}, ["1e400", "1.5"], 1.5),
        ({"type": "boolean"}, ["maybe", "Y"], True),
        ({"type": ["string", "null"]}, ["null"], "null"),
        ({"type": ["null", "integer"]}, ["null"], None),
        ({"type": ["null", "integer"]}, ["7"], 7),
        ({"enum": [1, 2, "three"]}, ["4", "three"], "three"),
        ({"enum": ["a", "b"]}, ["2"], "b"),
        ({"enum": [3, 1]}, ["1"], 1),
        ({"oneOf": [{"const": "x", "title": "The X"}, {"const": "y"}]}, ["The X"], "x"),
        ({"const": 5}, [], 5),
        ({}, ["{", '{"a": [1]}'], {"a": [1]}),
        (True, ["null"], None),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ["5"], 5),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, ["1", "", "1", "x", "2", ""], [1, 2]),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 2}, ["a", "b"], ["a", "b"]),
        ({"type": "array"}, ["[1]"], [1]),
        ({"type": "string", "pattern": "^a"}, ["b", "ab"], "ab"),
        ({"type": "string", "default": "d"}, [""], "d"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer", "minimum": 3}}}, ["2", "3"], 3),
    ],
)
def test_one_value(schema: Any, lines: list[str], wanted: Any) -> None:
    assert ask(schema, *lines)[0] == wanted


def test_objects_in_objects() -> None:
    address = {
        "type": "object",
        "required": ["street"],
        "properties": {"street": {"type": "string"}, "no": {"type": "integer"}},
    }
    schema = {
        "type": "object",
        "required": ["home", "extra"],
        "properties": {
            "home": {"$ref": "#/$defs/address"},
            "work": {"$ref": "#/$defs/address"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"address": address},
    }
    answer, said = ask(schema, "Main", "", "no", "", "5")
    assert answer == {"home": {"street": "Main"}, "extra": 5}
    assert "home.street (text): " in said
    assert "fill in work? (yes/no) [no]: " in said
    assert ask(schema, "Main", "1", "yes", "Side", "2", "a", "b", "", "5")[0]["work"] == {"street": "Side", "no": 2}


def test_rules_about_the_whole_are_told_and_all_is_asked_again() -> None:
    schema = {
        "type": "object",
        "properties": {"approved": {"type": "boolean"}, "reason": {"type": "string"}},
        "required": ["approved"],
        "if": {"properties": {"approved": {"const": False}}},
        "then": {"required": ["reason"]},
    }
    answer, said = ask(schema, "no", "", "no", "too dear")
    assert answer == {"approved": False, "reason": "too dear"}
    assert "reason: field 'reason' is missing" in said
    assert "Once more, please." in said


def test_references_elsewhere_are_left_to_the_service() -> None:
    assert ask({"$ref": "https://example.com/schema"}, "5")[0] == 5


SIMPLE = st.recursive(
    st.sampled_from(
        [
            {"type": "string", "maxLength": 3},
            {"type": "integer", "minimum": 0},
            {"type": "number"},
            {"type": "boolean"},
            {"enum": ["x", 1, None]},
            {"type": ["integer", "null"]},
            {"const": "c"},
            {},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).flatmap(
            lambda properties: st.sets(st.sampled_from("abc")).map(
                lambda required: {"type": "object", "properties": properties, "required": sorted(required)}
            )
        ),
    ),
    max_leaves=6,
)
LINES = st.sampled_from(["", "1", "2", "yes", "no", "x", "null", "-5", "1.5", "[1]", "long text", '"q"', "{"])


@given(SIMPLE, st.lists(LINES, max_size=30))
def test_what_comes_out_passes(schema: Any, lines: list[str]) -> None:
    def endless() -> Iterator[str]:
        yield from lines
        while True:
            yield from ("1", "", "yes", "x")

    given_lines = endless()
    answer = Questions(schema, lambda _: next(given_lines), lambda _: None).answer()
    assert Draft202012Validator(schema).is_valid(answer)

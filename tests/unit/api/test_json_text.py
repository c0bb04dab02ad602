"""JSON bodies: what Python's parser lets through and we do not, with its place."""

from __future__ import annotations

import pytest

from chalicelib.api import json_text
from chalicelib.api.plain import MAX_DEPTH, Malformed, check


def test_reads_what_is_json() -> None:
    assert json_text.read('{"a": [1, -2.5e3, true, null, "\\ud83d\\ude00"]}') == {"a": [1, -2500.0, True, None, "😀"]}


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ('{"a": 1,\n "a": 2}', "key 'a' is written twice", 2, 2),
        ('{"a": {"b": 1},\n "c": [{"x": "\\"x", "x": 2}]}', "key 'x' is written twice", 2, 21),
        ('["NaN", NaN]', "NaN is not a JSON number", 1, 9),
        ("[\n-Infinity]", "-Infinity is not a JSON number", 2, 1),
        ("[1e999]", "too large: 1e999", 1, 2),
        ("[1, " + "9" * 5000 + "]", "a whole number of 5000 digits", 1, 5),
        ('{"a": 1', "Expecting ',' delimiter", 1, 8),
        ('{"a": tru}', "Expecting value", 1, 7),
        ("\ufeff{}", "BOM", 1, 1),
    ],
)
def test_refuses_with_line_and_column(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        json_text.read(text)
    assert (caught.value.problem.line, caught.value.problem.column) == (line, column)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)])
def test_refuses_deep_nesting(text: str) -> None:
    with pytest.raises(Malformed, match="nested too deeply"):
        check(json_text.read(text))


@pytest.mark.parametrize("text", ['["\\ud800"]', '{"\\udfff": 1}'])
def test_refuses_halves_of_characters(text: str) -> None:
    with pytest.raises(Malformed, match="half of a character"):
        check(json_text.read(text))


def test_refuses_more_values_than_can_be_handled() -> None:
    with pytest.raises(Malformed, match="too many values"):
        check(json_text.read("[" + "1," * 20_000 + "1]"))

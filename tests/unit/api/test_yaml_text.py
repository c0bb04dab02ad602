"""YAML bodies: YAML 1.2's core schema, nothing that JSON does not have, and bounds on what aliases expand to."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api import yaml_text
from chalicelib.api.plain import Malformed, check


def read(text: str) -> Any:
    value, _ = yaml_text.read(text)
    check(value)
    return value


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *((text, text) for text in ("no", "on", "yes", "y", "12:30", "2020-01-01", "1_000", "0b1", "=", "<<", "1.2.3")),
        *(("'1'", "1"), ('"true"', "true"), ("''", "")),
        *(("017", 17), ("0o17", 15), ("0x1F", 31), ("-0", 0), ("+3", 3), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0)),
        *(("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None)),
    ],
)
def test_resolves_scalars_by_the_core_schema(scalar: str, value: Any) -> None:
    found = read(f"a: {scalar}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_that_other_yamls_turn_into_something_else_stay_text() -> None:
    assert read("on: 1\nno: 2\n12:30: 3\n<<: {a: 4}") == {"on": 1, "no": 2, "12:30": 3, "<<": {"a": 4}}


def test_an_alias_is_a_copy() -> None:
    value = read("a: &x [1, {b: 2}]\nc: *x")
    assert value == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    assert value["a"] is not value["c"]


def test_knows_where_every_value_begins() -> None:
    _, positions = yaml_text.read("id: x\nsteps:\n  - id: one\n    a/b: 2\n")
    assert positions.place("/steps/0/a~1b") == (4, 10)
    assert positions.place("/steps/0/a~1b", at_key=True) == (4, 5)
    assert positions.place("/steps/0/none/below", at_key=True) == (3, 5)
    assert positions["/steps/0/id"] == (3, 9)
    assert positions["/steps/0/a~1b"] == (4, 10)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: !!str 1", "tags are not allowed, found !!str", 2, 4),
        ("a: !thing {}", "tags are not allowed, found !thing", 1, 4),
        ("a: 1\na: 2", "key 'a' is written twice", 2, 1),
        ("1: a", "a key must be text, found 1", 1, 1),
        ("true: a", "a key must be text, found true", 1, 1),
        ("? [a]\n: b", "a key must be text, found a list", 1, 3),
        ("a: &x [*x]", "inside the very value", 1, 8),
        ("a: *y", "there is no anchor &y", 1, 4),
        ("a: .inf", "not a JSON number", 1, 4),
        ("a: 1e999", "too large", 1, 4),
        ("a: " + "9" * 40, "40 digits", 1, 4),
        ("a: [", "found the end", 1, 5),
        ("a: b: c", "mapping values are not allowed here", 1, 5),
        ("\ta: 1", "cannot start any token", 1, 1),
        ("a: \x01", "a control character", 1, 4),
        ("a: 1\n---\nb: 2", "a second document", 2, 1),
        ("# nothing", "holds no document", 1, 1),
        ('a: "\\UFFFFFFFF"', "not valid YAML", 1, 2),
    ],
)
def test_refuses_with_line_and_column(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        read(text)
    assert (caught.value.problem.line, caught.value.problem.column) == (line, column)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
LONG_TEXTS = f"a: &a '{'x' * 100_000}'\nb: [*a, *a, *a]"
DEEP = f"a0: &a0 {'[' * 60}{']' * 60}\n" + "".join(
    f"a{i}: &a{i} {'[' * 60}*a{i - 1} {']' * 60}\n" for i in range(1, 40)
)


@pytest.mark.parametrize(
    "text", [LAUGHS, LONG_TEXTS, DEEP, "[" * 250_000, "{a: " * 60_000, "- " * 120_000, "? " * 120_000]
)
def test_refuses_bombs_in_bounded_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(Malformed):
        read(text)
    assert time.process_time() - started < 5


@given(st.text(alphabet=st.sampled_from("ab1:-?[]{},&*!|>'\"%@`#~ \n\t\\xuU0.e<=")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        read(text)

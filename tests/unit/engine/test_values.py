"""Values: equal as JSON is, as large as their JSON is, and refused when they cannot be stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from chalicelib.engine import values
from tests.unit.engine.strategies import jsons


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (True, 1, False),
        (1, 1.0, True),
        (0, False, False),
        ("1", 1, False),
        (None, False, False),
        ({"a": 1, "b": [True]}, {"b": [True], "a": 1.0}, True),
        ([True], [1], False),
        ([1, 2], [2, 1], False),
        ({"a": None}, {}, False),
        ([], {}, False),
    ],
)
def test_equality_is_that_of_json(left: Any, right: Any, same: bool) -> None:
    assert values.equal(left, right) is same
    assert values.equal(right, left) is same


@settings(max_examples=60, deadline=None, derandomize=True)
@given(jsons)
def test_size_is_about_that_of_the_json(value: Any) -> None:
    written = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    assert written / 2 - 1 <= values.measure(value) <= 2 * written + 8
    assert values.equal(value, json.loads(json.dumps(value)))


def test_counting_stops_when_it_is_too_much() -> None:
    shared: Any = ["x" * 50]
    for _ in range(200):
        shared = [shared, shared]
    assert 1000 < values.size(shared, 1000) < 2000
    assert values.size("x" * 10**6, 1000) >= 1000


@pytest.mark.parametrize("odd", [float("nan"), float("-inf"), 2**1025, "\ud800", {"\udc00": 1}, {1: 2}, (1,), {2}, b""])
def test_what_is_no_json_cannot_be_stored(odd: Any) -> None:
    for value in (odd, [odd], {"a": [odd]}):
        with pytest.raises(values.Unfit) as raised:
            values.measure(value)
        assert raised.value.name == "Data.Invalid"


def test_what_is_too_large_or_too_deep_cannot_be_stored() -> None:
    deep: Any = 0
    for _ in range(99):
        deep = [deep]
    values.measure(deep)
    for value in ([deep], "x" * 4_194_305, ["\x00" * 800_000], [1.2345678901234567] * 250_000):
        with pytest.raises(values.Unfit) as raised:
            values.measure(value)
        assert raised.value.name == "Data.TooLarge"

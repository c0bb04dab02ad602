"""Texts as they are printed, and YAML as it reads back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.api import yaml_text
from sedo.cli.changes import changes
from sedo.cli.files import to_yaml
from sedo.cli.output import duration, one_line

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=20)
NUMBERS = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)


@given(JSON)
@example(
    {"a": ["no", "on", "12:30", "2026-11-02", "0o7", "0x1f", "1_000", "~", "", "null", "1e5", ".5", "- a", "a: b"]}
)
@example({"no": 1, "1": 2, "~": 3, "a b": "x\n\ny\n", "é": "☃"})
@example([1e22, -0.0, 1e-7, 5e-324, 0.1])
def test_yaml_reads_back_as_the_same_value(value: Any) -> None:
    text = to_yaml(value)
    assert repr(yaml_text.read(text)[0]) == repr(value), text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.000 s"),
        (9.9994, "9.999 s"),
        (45.04, "45.0 s"),
        (60, "1 min 0 s"),
        (3_599.7, "1 h 0 min"),
        (18_200, "5 h 3 min"),
        (86_400, "1 d 0 h"),
        (40_000_000, "462 d 23 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a\n  b", "a b"),
        ({"a": "é\n"}, '{"a": "é\\n"}'),
        ("\x1b]0;title\x07", "?]0;title?"),
        (0, "0"),
        (False, "false"),
    ],
)
def test_one_line(value: Any, text: str) -> None:
    assert one_line(value) == text


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [{"path": "/a", "before": 1, "after": True}]),
        ({"a": 1}, {"a/b": 2}, [{"path": "/a", "before": 1}, {"path": "/a~1b", "after": 2}]),
        ([1, 2], [1, 3, 4], [{"path": "/1", "before": 2, "after": 3}, {"path": "/2", "after": 4}]),
        ({"a": []}, {"a": {}}, [{"path": "/a", "before": [], "after": {}}]),
        (
            [{"id": "x", "v": 1}, {"id": "y"}],
            [{"id": "y"}, {"id": "x", "v": 2}],
            [{"path": "/x/v", "before": 1, "after": 2}],
        ),
    ],
)
def test_changes(before: Any, after: Any, wanted: Any) -> None:
    assert list(changes(before, after)) == wanted

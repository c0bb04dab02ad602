"""Paths that need no interpreter give what jmespath gives."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest

from chalicelib.engine.paths import compile_path

VALUES: tuple[Any, ...] = (None, 1, "text", [], [{"b": 1}], {}, {"a": None}, {"a": [1]}, {"a": {"b": {"c": 0}}})


@pytest.mark.parametrize("text", ["a", "a.b", "a.b.c", 'a."b"', "a.b.d", '"a"', "(a).b"])
def test_plain_paths_give_what_jmespath_gives(text: str) -> None:
    search, roots = compile_path(text)

    assert roots == {"a"}
    for value in VALUES:
        assert search(value) == jmespath.search(text, value)

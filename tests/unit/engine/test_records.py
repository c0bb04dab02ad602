"""Copies of records."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from chalicelib.engine.records import replace


@dataclass(frozen=True, slots=True)
class _Record:
    one: int
    other: str = "plain"
    more: list[int] = field(default_factory=list)


def test_a_copy_has_the_changes_and_shares_the_rest() -> None:
    record = _Record(1, more=[1, 2])

    changed = replace(record, other="changed")

    assert changed == dataclasses.replace(record, other="changed") == _Record(1, "changed", [1, 2])
    assert changed.more is record.more
    assert record.other == "plain"


def test_an_unknown_member_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing"):
        replace(_Record(1), nothing=1)  # type: ignore[call-arg]

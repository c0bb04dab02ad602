"""Slips of the pen: what is near is suggested, what is a guess is not."""

from __future__ import annotations

import pytest

from chalicelib.engine.hints import hint, meant
from chalicelib.engine.steps import STEP_TYPES

FIELDS = ("choices", "end", "id", "inputSchema", "next", "roles", "timeoutSeconds", "timezone", "type")


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ("role", "roles"),
        ("tpye", "type"),
        ("edn", "end"),
        ("di", "id"),
        ("timeout", "timeoutSeconds"),
        ("timeoutSecond", "timeoutSeconds"),
        ("Id", "id"),
        ("ID", "id"),
        ("Timeout", "timeoutSeconds"),
        ("TIMEOUTSECONDS", "timeoutSeconds"),
        ("tz", "timezone"),
        ("TZ", "timezone"),
        ("z", None),
        ("schema", None),
        ("n", None),
        ("", None),
        ("when", None),
    ],
)
def test_what_is_near_is_suggested(found: str, name: str | None) -> None:
    assert meant(found, FIELDS) == name


@pytest.mark.parametrize("kind", ["switch", "task", "script", "delay", "foreach", "", None, 3])
def test_other_words_for_a_step_are_no_slips(kind: object) -> None:
    assert hint(kind, STEP_TYPES) == ""


def test_words_that_differ_in_case_alone_are_slips() -> None:
    assert [meant(word, STEP_TYPES) for word in ("HTTP", "Http", "Pass", "ECHO")] == ["http", "http", "pass", "echo"]
    assert meant("Retry", ["catch", "retry"]) == "retry"


def test_how_alike_a_name_must_be_can_be_said() -> None:
    assert hint("Task.TimedOut", ["Task.Timeout"]) == ", did you mean 'Task.Timeout'?"
    assert hint("Task.TimedOut", ["Task.Timeout"], 0.95) == ""


def test_long_texts_are_looked_at_no_further() -> None:
    assert meant("a" * 100_000, ["a" * 200]) == "a" * 200

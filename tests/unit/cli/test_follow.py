"""A line for each event, with what a person looking on wants to know."""

from __future__ import annotations

from typing import Any

import pytest

from sedo.cli.follow import end_in_words, line

BEGAN = "2026-11-02T10:00:00.000Z"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            {"type": "TaskOpened", "step": "ask", "title": "Approve", "roles": ["a"]},
            'ask                       Approve  ["a"]',
        ),
        ({"type": "TaskAnswered", "step": "ask", "actor": "ada", "digest": "d"}, "ask                       ada"),
        ({"type": "SignalReceived", "name": "paid", "payload": {"a": 1}}, '                          paid  {"a": 1}'),
        (
            {"type": "ChildEnded", "step": "c", "executionId": "1:d:2", "state": "X"},
            "c                         1:d:2  X",
        ),
        ({"type": "StepStarted", "step": "s", "attempt": 3}, "s (attempt 3)"),
        (
            {"type": "StepFailed", "step": "s", "error": {"name": "N", "cause": "c\nd"}},
            "s                         N: c d",
        ),
        ({"type": "New\x1b[2J", "output": "\x9b1m"}, "                          ?1m"),
    ],
)
def test_lines(event: dict[str, Any], text: str) -> None:
    shown = line({"at": "2026-11-02T10:01:05.250Z"} | event, BEGAN).plain.rstrip()
    kind = event["type"].replace("\x1b", "?")
    assert shown == f"   65.250 s  {kind:<20}  {text}"


@pytest.mark.parametrize(
    ("execution", "text"),
    [
        (
            {"state": "ExecutionFailed", "step": "a", "error": {"name": "N", "cause": "c", "step": "b"}},
            "ExecutionFailed at b: N: c",
        ),
        ({"state": "ExecutionTimedOut", "step": "a"}, "ExecutionTimedOut at a"),
        ({"state": "ExecutionCancelled", "step": None, "error": {"name": "N", "cause": None}}, "ExecutionCancelled: N"),
    ],
)
def test_ends(execution: dict[str, Any], text: str) -> None:
    assert end_in_words(execution) == text

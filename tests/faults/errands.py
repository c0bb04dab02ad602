"""A definition with waits, choices, a loop and outside calls, and what it plainly means: written twice, so that one can
judge the other. The course of a run depends on its input alone, however often processes die on the way.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

TENANT = "t1"
NOBODY = 7
"""The server refuses (404) numbers that this divides."""
FLAKY = 5
"""The server answers 503 to the first call about a number that this divides."""

DEFINITION: dict[str, Any] = {
    "id": "errands",
    "inputSchema": {"type": "object", "required": ["url", "errands"]},
    "steps": [
        {
            "id": "begin",
            "type": "pass",
            "stash": {"left": "${ input.errands }", "total": 0, "refused": []},
            "next": "more",
        },
        {
            "id": "more",
            "type": "choice",
            "choices": [{"when": "${ length(stash.left) > `0` }", "next": "what"}],
            "default": "close",
        },
        {
            "id": "what",
            "type": "choice",
            "choices": [{"when": "${ stash.left[0].kind == 'wait' }", "next": "pause"}],
            "default": "ask",
        },
        {"id": "pause", "type": "wait", "seconds": "${ stash.left[0].seconds }", "next": "drop"},
        {
            "id": "ask",
            "type": "http",
            "method": "POST",
            "url": "${ execution.input.url }",
            "body": {"number": "${ stash.left[0].number }"},
            "timeoutSeconds": 3,
            "retry": [
                {
                    "errors": ["Http.503", "Http.ConnectionFailed", "Task.Timeout"],
                    "maxAttempts": 20,
                    "intervalSeconds": 0.5,
                    "backoffRate": 1,
                }
            ],
            "catch": [
                {
                    "errors": ["Http.404"],
                    "stash": {"refused": "${ [stash.refused, [stash.left[0].number]][] }"},
                    "next": "drop",
                }
            ],
            "stash": {"total": "${ sum([stash.total, output.body.doubled]) }"},
            "next": "drop",
        },
        {"id": "drop", "type": "pass", "stash": {"left": "${ stash.left[1:] }"}, "next": "more"},
        {
            "id": "close",
            "type": "choice",
            "choices": [{"when": "${ length(stash.refused) > `1` }", "next": "too-many"}],
            "default": "done",
        },
        {"id": "too-many", "type": "fail", "error": "Errands.Refused", "cause": "${ stash.refused }"},
        {
            "id": "done",
            "type": "succeed",
            "output": {"total": "${ stash.total }", "refused": "${ stash.refused }"},
        },
    ],
}


def some_errands(chance: random.Random) -> list[dict[str, Any]]:
    """Return one to four errands: waits of one to three seconds, and calls."""
    return [
        {"kind": "wait", "seconds": chance.choice((1, 2, 3))}
        if chance.random() < 0.35
        else {"kind": "call", "number": chance.randrange(1, 36)}
        for _ in range(chance.randrange(1, 5))
    ]


@dataclass
class Expected:
    """What must come out: the end, the steps in the order of their visits, and which visits call the server."""

    state: str = "ExecutionSucceeded"
    output: Any = None
    error: str | None = None
    visits: list[str] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


def expected_of(errands: list[dict[str, Any]]) -> Expected:
    """Go through the definition as its author reads it."""
    found = Expected()
    visit = found.visits.append
    total, refused = 0, []
    visit("begin")
    for errand in errands:
        visit("more")
        visit("what")
        if errand["kind"] == "wait":
            visit("pause")
        else:
            visit("ask")
            found.calls.append(len(found.visits))
            if errand["number"] % NOBODY == 0:
                refused.append(errand["number"])
            else:
                total += 2 * errand["number"]
        visit("drop")
    visit("more")
    visit("close")
    if len(refused) > 1:
        visit("too-many")
        found.state, found.error = "ExecutionFailed", "Errands.Refused"
    else:
        visit("done")
        found.output = {"total": total, "refused": refused}
    return found

"""A definition that goes several ways at once and asks people, and what it plainly means.

What a tour comes to depends on its input alone. Its branches are in no order, so that only ends are compared, and what
holds for every history.
"""

from __future__ import annotations

import random
from typing import Any

TOUR = "tour"
ANSWER = {"approved": True}
PAID = {"amount": 5}
PART = 40
LEG: dict[str, Any] = {
    "id": "leg",
    "steps": [
        {"id": "nap", "type": "wait", "seconds": "${ input.seconds }", "next": "halve"},
        {"id": "halve", "type": "map", "items": "${ input.items }", "end": True}
        | {"steps": [{"id": "keep", "type": "pass", "output": "${ item }", "end": True}]},
    ],
}


def _branch(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [*steps[:-1], steps[-1] | {"end": True}]}


RETRY = [{"errors": ["Http.ConnectionFailed", "Task.Timeout"], "maxAttempts": 20, "intervalSeconds": 0.5}]
CALL = {"type": "http", "method": "POST", "url": "${ execution.input.url }", "timeoutSeconds": 3, "retry": RETRY}
TOKEN: dict[str, Any] = {"method": "POST", "url": "${ execution.input.url }", "body": {"token": "${ task.token }"}}
DEFINITION: dict[str, Any] = {
    "id": TOUR,
    "steps": [
        {
            "id": "fan",
            "type": "parallel",
            "branches": [
                _branch({"id": "ask", **CALL, "body": {"number": 1}, "output": "${ output.body.doubled }"}),
                _branch(
                    {"id": "few", "type": "map", "items": "${ input.few }", "maxConcurrency": 2}
                    | {"steps": [{"id": "few-nap", "type": "wait", "seconds": 0.3, "output": "${ item }", "end": True}]}
                ),
                _branch({"id": "run", "type": "execute", "definition": "leg", "input": "${ input.leg }"}),
                _branch({"id": "person", "type": "human", "roles": ["boss"]}),
                _branch({"id": "other", "type": "callback", "via": {"http": TOKEN}}),
                _branch({"id": "paid", "type": "signal", "name": "paid"}),
                {
                    "steps": [
                        {"id": "moment", "type": "wait", "seconds": 1, "next": "which"},
                        {"id": "which", "type": "choice", "default": "well"}
                        | {"choices": [{"when": "${ execution.input.fails }", "next": "trip"}]},
                        {"id": "trip", "type": "fail", "error": "Tour.Tripped"},
                        {"id": "well", "type": "pass", "output": "well", "end": True},
                    ]
                },
            ],
            "catch": [{"errors": ["Tour.Tripped"], "next": "home"}],
            "stash": {"fan": "${ output }"},
            "next": "many",
        },
        {
            "id": "many",
            "type": "map",
            "items": "${ execution.input.many }",
            "toleratedFailurePercentage": 10,
            "steps": [
                {"id": "odd", "type": "choice", "default": "same"}
                | {"choices": [{"when": "${ item == `13` }", "next": "unlucky"}]},
                {"id": "unlucky", "type": "fail", "error": "Tour.Unlucky"},
                {"id": "same", "type": "pass", "output": "${ item }", "end": True},
            ],
            "stash": {"many": "${ output }"},
            "next": "done",
        },
        {"id": "done", "type": "succeed", "output": "${ stash }"},
        {"id": "home", "type": "succeed", "output": {"went": "home"}},
    ],
}


def some_tour(chance: random.Random, url: str, number: int) -> dict[str, Any]:
    """Return an input: one in five trips, every fiftieth makes a tree of 100 items or more, one makes a deep one."""
    sizes = {7: 1700}
    many = sizes.get(number, chance.choice((100, 250)) if number % 50 == 0 else chance.choice((0, 3, 20)))
    return {
        "url": url,
        "fails": number not in sizes and chance.random() < 0.2,
        "few": list(range(chance.randrange(4))),
        "leg": {"seconds": chance.choice((0.5, 1, 3)), "items": list(range(chance.choice((2, 2, 2, 2, 45))))},
        "many": list(range(many)),
    }


def expected_output(tour: dict[str, Any]) -> Any:
    """Return what a tour comes to; one that trips is stopped before anybody pays."""
    if tour["fails"]:
        return {"went": "home"}
    unlucky = {"error": {"name": "Tour.Unlucky", "cause": "", "step": "unlucky"}}
    return {
        "fan": [2, tour["few"], tour["leg"]["items"], ANSWER, ANSWER, PAID, "well"],
        "many": [unlucky if item == 13 else item for item in tour["many"]],
    }

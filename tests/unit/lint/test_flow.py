"""The flow of shapes: what a step can meet, by the rules of the language, and what the engine really brings there."""

from __future__ import annotations

import time
import zlib
from random import Random
from typing import Any

import pytest

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.steps import STEP_TYPES
from sedo.lint.ahead import Ahead
from sedo.lint.flow import Flow
from sedo.lint.kinds import KINDS
from sedo.lint.linting import ahead
from sedo.lint.templates import shape_of
from sedo.simulation.scenarios import ERRORS, result_of, scenario
from tests.unit.engine.world import World, document
from tests.unit.lint.admitting import admits

HTTP = {"type": "http", "url": "https://x.example", "retry": [{"errors": ["*"]}]}
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def said(found: dict[str, Any]) -> list[str]:
    return [sentence for rule, severity, _, sentence in ahead(found) if severity == "error"]


def echo(message: str, **fields: Any) -> dict[str, Any]:
    return {"type": "echo", "message": message, **fields}


def test_what_one_way_fills_is_no_error_on_another() -> None:
    choice = {"type": "choice", "choices": [{"when": "${ input.a == 'x' }", "next": "s2"}], "default": "s3"}
    filled = {"type": "pass", "stash": {"x": 1}}
    assert said(document(choice, filled, echo("${ stash.x } ${ stash.y }"), inputSchema=CLOSED)) == [
        "nothing fills stash.y: no step on any way to here writes it"
    ]


def test_what_a_later_step_writes_is_not_there_yet_unless_a_loop_leads_back() -> None:
    once = [echo("${ stash.x }"), {"type": "pass", "stash": {"x": 1}}]
    assert said(document(*once)) == ["nothing fills stash.x: no step on any way to here writes it"]
    again = {"type": "choice", "choices": [{"when": "${ execution.name }", "next": "s1"}], "default": "s4"}
    assert said(document(*once, again, {"type": "pass"}, maxTransitions=9)) == []


def test_after_a_catch_comes_what_the_failed_step_received() -> None:
    failing = HTTP | {"id": "s1", "catch": [{"errors": ["*"], "stash": {"e": "${ error.reason }"}, "next": "s3"}]}
    received = echo("${ input.a } ${ input.status } ${ stash.e }")
    assert said(document(failing, {"type": "succeed"}, received, inputSchema=CLOSED)) == [
        "nothing fills error.reason: error has cause, name, step",
        "nothing fills input.status: input has a",
    ]


def test_branch_begins_with_the_stash_of_its_fan_out_and_its_writes_are_gone_at_the_join() -> None:
    def branch(name: str, read: str) -> dict[str, Any]:
        steps = [
            {"id": name, "type": "pass", "stash": {name: 1}, "next": f"{name}2"},
            {"id": f"{name}2", "type": "echo", "message": read, "output": {name: "${ input.a }"}, "end": True},
        ]
        return {"steps": steps}

    fan_out = {"type": "parallel", "branches": [branch("p", "${ stash.k } ${ stash.p }"), branch("q", "${ stash.p }")]}
    after = echo("${ input[0].p } ${ input[1].q } ${ input[*].r } ${ stash.p } ${ stash.k }")
    assert said(document({"type": "pass", "stash": {"k": 1}}, fan_out, after, inputSchema=CLOSED)) == [
        "nothing fills input[].r: input[] has p, q",
        "nothing fills stash.p: no step on any way to here writes it",
        "nothing fills stash.p: no step on any way to here writes it",
    ]


def over(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "map", "items": [{"n": 1}, {"n": 2}], "steps": list(steps)} | fields


def test_first_step_of_a_map_receives_the_item_and_all_know_item_and_index() -> None:
    first = {"id": "f", "type": "pass", "output": {"m": "${ input.n }", "a": "${ input.a }"}, "next": "g"}
    second = {"id": "g", "type": "pass", "output": "${ [item.n, item.o, input.m, index] }", "end": True}
    assert said(document(over(first, second), echo("${ input[0][0] } ${ item.n }"))) == [
        "nothing fills item: the value has execution, input, stash",
        "nothing fills input.a: input has n",
        "nothing fills item.o: item has n",
    ]


@pytest.mark.parametrize(("percentage", "errors"), [(0, ["nothing fills input[].error: input[] has n"]), (10, [])])
def test_tolerated_item_stands_as_its_error(percentage: int, errors: list[str]) -> None:
    fan_out = over({"id": "f", "type": "pass", "end": True}, toleratedFailurePercentage=percentage)
    assert said(document(fan_out, echo("${ input[*].error.name }"))) == errors


def test_answer_of_a_person_has_the_shape_of_its_schema() -> None:
    human = {"type": "human", "title": "?", "inputSchema": CLOSED}
    assert said(document(human, echo("${ input.a } ${ input.b }"))) == ["nothing fills input.b: input has a"]


@pytest.mark.parametrize("kind", ["lambda", "callback", "signal", "unheard-of"])
def test_nothing_is_said_about_results_from_outside(kind: str) -> None:
    assert (
        said(document({"type": kind, "stash": {"x": "${ output.x.y }"}}, echo("${ input[0].z } ${ stash.x.y }"))) == []
    )


def test_child_gives_anything_or_its_id_where_nobody_waits() -> None:
    child = {"type": "execute", "definition": "d"}
    assert said(document(child, echo("${ input.a.b }"))) == []
    assert said(document(child | {"wait": False}, echo("${ input.a.b }"))) == ["nothing fills input.a: input is text"]


def test_values_that_grow_in_a_loop_come_to_an_end() -> None:
    growing = {"stash": {"x": "${ [stash.x, stash.y] }", "y": "${ {a: stash.x, b: stash.y, c: input} }"}}
    steps = [{"type": "pass", "output": "${ [input, stash.x] }", **growing} for _ in range(20)]
    again = {"type": "choice", "choices": [{"when": "${ execution.name }", "next": "s1"}], "default": "s22"}
    began = time.process_time()
    assert said(document(*steps, again, {"type": "succeed"}, maxTransitions=9)) == []
    assert time.process_time() - began < 5


def test_largest_definition_is_read_in_seconds() -> None:
    steps = [HTTP | {"stash": {f"x{i % 90}": "${ output.body }"}, "output": "${ stash }"} for i in range(500)]
    began = time.process_time()
    assert said(document(*steps)) == []
    assert time.process_time() - began < 10


def test_table_knows_every_step_type() -> None:
    assert STEP_TYPES.keys() <= KINDS.keys()
    for name, step_type in STEP_TYPES.items():
        assert KINDS[name].raw <= {*step_type.properties, "default"}, name


@pytest.mark.parametrize("number", range(60))
def test_engine_brings_nothing_that_was_not_thought_possible(number: int) -> None:
    """Generated definitions are run; each step's input, and the end, are among what the flow allows."""
    drawn = Random(number)

    def answer(task: Task) -> TaskResult:
        if drawn.random() < 0.35:
            return TaskResult(error=drawn.choice(ERRORS), cause="refused")
        return TaskResult(result_of(task.type, task.visit))

    found = scenario(number).document
    seen = Ahead(found)
    assert said(found) == [] or "abs('no number')" in str(found)
    paths = {spec["id"]: path for path, spec in seen.steps()}
    for turn in range(3):
        world = World(found, {"k": zlib.crc32(f"{number}/{turn}".encode()) % 10, "script": "x"}, answer).run()
        for event in world.history:
            if event["type"] == "StepStarted":
                assert admits(seen.flow.visits[paths[event["step"]]].during["input"], event["input"])
        if world.head.state == "ExecutionSucceeded":
            assert admits(end_of(found, seen.flow), world.head.output)
            assert admits(seen.flow.at_end["stash"], world.head.stash)


def end_of(found: dict[str, Any], flow: Flow) -> Any:
    return shape_of(found["output"], flow.at_end) if "output" in found else flow.at_end["output"]


FANS = [
    over(
        {"id": "f", "type": "choice", "choices": [{"when": "${ index == `1` }", "next": "bad"}], "default": "good"},
        {"id": "bad", "type": "fail", "error": "Item.Bad"},
        {"id": "good", "type": "pass", "stash": {"k": "${ item.n }"}, "next": "more"},
        {"id": "more", "type": "pass", "output": {"k": "${ stash.k }", "before": "${ stash.before }"}, "end": True},
        toleratedFailurePercentage=50,
        id="fan",
        next="after",
    ),
    over(
        {"id": "f", "type": "map", "items": "${ [item.n, index] }", "output": "${ output[*].x }", "end": True}
        | {"steps": [{"id": "g", "type": "pass", "output": {"x": "${ item }", "y": "${ stash.before }"}, "end": True}]},
        id="fan",
        next="after",
    ),
    {
        "id": "fan",
        "type": "parallel",
        "branches": [
            {"steps": [{"id": "f", "type": "echo", "message": "x", "end": True}]},
            {
                "steps": [
                    {"id": "g", "type": "pass", "stash": {"before": "mine"}, "next": "h"},
                    {"id": "h", "type": "succeed"},
                ]
            },
            {"steps": [{"id": "i", "type": "wait", "seconds": 5, "output": ["${ input.a }"], "end": True}]},
        ],
        "next": "after",
    },
    over({"id": "f", "type": "fail", "error": "Item.Bad"}, id="fan", next="after")
    | {"catch": [{"errors": ["Item"], "stash": {"caught": "${ error }"}, "next": "after"}]},
]


@pytest.mark.parametrize("fan", FANS)
def test_engine_brings_nothing_else_into_branches_and_items(fan: dict[str, Any]) -> None:
    before = {"id": "s0", "type": "pass", "stash": {"before": "${ input.a }"}, "next": "fan"}
    after = {"id": "after", "type": "pass", "output": {"got": "${ input }", "all": "${ stash }"}, "end": True}
    found = {"id": "fans", "inputSchema": CLOSED, "steps": [before, fan, after]}
    seen = Ahead(found)
    assert said(found) == []
    paths = {spec["id"]: path for path, spec in seen.steps()}
    world = World(found, {"a": "x"}).run()
    assert world.head.state == "ExecutionSucceeded"
    started = [event for event in world.history if event["type"] == "StepStarted"]
    assert {"s0", "fan", "after", "f"} <= {event["step"] for event in started}
    for event in started:
        assert admits(seen.flow.visits[paths[event["step"]]].during["input"], event["input"])
    assert admits(end_of(found, seen.flow), world.head.output)

"""What each step type does, and how data passes from step to step."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.effects import TaskResult
from chalicelib.engine.steps import STEP_TYPES
from tests.unit.engine.world import HOUR, SECOND, T0, World, document, ended

PASS: dict[str, Any] = {"type": "pass"}


def error_of(world: World) -> tuple[str, str]:
    assert world.head.error is not None
    return world.head.error["name"], world.head.error["cause"]


def test_registry_names_every_type_by_itself() -> None:
    flow = {"pass", "wait", "choice", "succeed", "fail", "parallel", "map", "execute"}
    assert set(STEP_TYPES) >= flow | {"echo", "http", "lambda", "queue", "callback", "human", "signal"}
    assert all(name == step_type.name for name, step_type in STEP_TYPES.items())


def test_echo_logs_its_message_and_passes_its_input_on() -> None:
    world = ended({"type": "echo", "message": "hello ${ input.name }"}, {"name": "Ann"})
    assert world.head.output == {"name": "Ann"}
    assert world.history[2]["message"] == "hello Ann"


def test_message_of_an_echo_may_be_any_json() -> None:
    world = ended({"type": "echo", "message": {"got": "${ input }", "n": 1}}, [2])
    assert world.history[2]["message"] == {"got": [2], "n": 1}


def test_pass_reshapes_data() -> None:
    world = ended({"type": "pass", "output": {"b": "${ input.a }"}, "stash": {"kept": "${ output }"}}, {"a": 1})
    assert world.head.output == {"b": 1}
    assert world.head.stash == {"kept": {"a": 1}}, "output in a stash is the step's raw result"


def test_first_step_sees_the_executions_input_and_every_other_the_output_before() -> None:
    steps = [PASS | {"output": "${ [input, 's1'] }"}, PASS | {"output": "${ [input, 's2'] }"}]
    assert ended(steps, 1).head.output == [[1, "s1"], "s2"]


def test_input_reshapes_what_a_step_receives_and_passes_on() -> None:
    world = ended([PASS | {"input": {"x": "${ input }"}}, PASS], 5)
    assert world.head.output == {"x": 5}
    assert [e["input"] for e in world.history if e["type"] == "StepStarted"] == [{"x": 5}, {"x": 5}]


def test_stash_is_kept_until_overwritten() -> None:
    steps = [PASS | {"stash": {"a": 1, "b": "${ input }"}}, PASS | {"stash": {"a": "${ stash.b }"}}, PASS]
    world = ended(steps, 9, output="${ stash }")
    assert world.head.output == {"a": 9, "b": 9}
    assert [e.get("stash") for e in world.history if e["type"] == "StepSucceeded"] == [{"a": 1, "b": 9}, {"a": 9}, None]


def test_definitions_output_is_the_executions_and_by_default_the_last_steps() -> None:
    assert ended(PASS | {"output": 3}).head.output == 3
    world = ended(PASS | {"output": 3, "stash": {"s": 4}}, 1, output=["${ output }", "${ stash.s }", "${ input }"])
    assert world.head.output == [3, 4, 3]


def test_execution_is_visible_to_expressions() -> None:
    names = ["id", "tenantId", "definitionId", "version", "name", "input", "startedAt"]
    world = ended(PASS | {"output": "${ execution }"}, {"a": 1})
    assert world.head.output == dict(
        zip(names, [world.head.id, "123", "example", 1, None, {"a": 1}, "2023-11-14T22:13:20.000Z"], strict=True)
    )


@pytest.mark.parametrize(
    ("value", "target"),
    [
        (5, "first"),
        (1, "second"),
        (0, "second"),
        ("", "else"),
        (None, "else"),
        ([], "else"),
        ({}, "else"),
        (False, "else"),
    ],
)
def test_choice_takes_the_first_arm_that_holds(value: Any, target: str) -> None:
    arms = [{"when": "${ input > `3` }", "next": "first"}, {"when": "${ input }", "next": "second"}]
    ends = [PASS | {"id": name, "end": True} for name in ("first", "second", "else")]
    world = ended([{"type": "choice", "choices": arms, "default": "else"}, *ends], value)
    assert world.visited == ["s1", target]
    assert world.head.output == value
    assert world.history[2]["next"] == target


def test_choice_without_match_and_default_fails_with_choice_no_match() -> None:
    arms = [{"when": "${ input }", "next": "b"}]
    world = ended([{"type": "choice", "choices": arms}, PASS | {"id": "b"}], False)
    assert error_of(world)[0] == "Choice.NoMatch"
    caught = {"type": "choice", "choices": arms, "catch": [{"errors": ["Choice"], "next": "b"}]}
    assert ended([caught, PASS | {"id": "b"}], False).head.output is False


def test_choice_may_reshape_and_keep_like_any_step() -> None:
    step = {"type": "choice", "choices": [{"when": True, "next": "b"}], "output": 7, "stash": {"was": "${ input }"}}
    assert ended([step, PASS | {"id": "b", "output": "${ [input, stash.was] }"}], 6).head.output == [7, 6]


@pytest.mark.parametrize(
    ("field", "value", "after"),
    [
        ("seconds", 45, 45 * SECOND),
        ("seconds", 0.25, 250),
        ("seconds", "${ input.s }", 7 * SECOND),
        ("seconds", 5 * 3600, 5 * HOUR),
        ("until", "2023-11-14T23:13:20+01:00", 0),
        ("until", "2023-11-14T22:13:30.5Z", 10_500),
        ("until", "2023-11-14t22:13:30z", 10_000),
        ("until", "2023-11-14T22:13:30.123456789Z", 10_123),
        ("until", "2023-11-14T17:43:30-04:30", 10_000),
        ("until", "2024-02-29T23:59:59.999-00:00", 9_251_199_999),
        ("until", "0001-01-01T00:00:00+23:59", 0),
        ("until", "${ input.t }", 6 * HOUR),
        ("until", "1970-01-01T00:00:00Z", 0),
    ],
)
def test_wait_goes_on_at_its_moment(field: str, value: Any, after: int) -> None:
    given = {"s": 7, "t": "2023-11-15T04:13:20Z"}
    world = ended([{"type": "wait", field: value}, PASS], given)
    assert world.head.ended_at_ms == T0 + after
    assert world.head.output == given


@pytest.mark.parametrize("value", [None, "7", -1, True, [], 10**12, 1e300, "x" * 1000])
def test_wait_for_no_number_fails_with_expression_failed(value: Any) -> None:
    world = ended({"type": "wait", "seconds": "${ input }"}, value)
    name, cause = error_of(world)
    assert name == "Expression.Failed"
    assert cause.startswith("seconds must be a number from 0 to")
    assert len(cause) < 200


NO_MOMENTS = (
    *("tomorrow", "2030-01-01", "2030-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "2026-W48-4T00:00:00Z"),
    *("20300101T000000Z", "2030-01-01T05Z", "2030-01-01T05:00Z", "2030-01-01T05:00:00 Z", "2030-01-01T05:00:00 +01:00"),
    *("2030-01-01 05:00:00Z", "2030-01-01T05:00:00+0100", "2030-01-01T05:00:00+01", "2030-01-01T05:00:00+01:75"),
    *(
        "2030-01-01T24:00:00Z",
        "2030-01-01T05:60:00Z",
        "2030-01-01T05:00:60Z",
        "2030-02-29T05:00:00Z",
        "2030-13-01T05:00:00Z",
    ),
    *(
        "0000-01-01T05:00:00Z",
        "2030-01-01T05:00:00.Z",
        "2030-01-01T05:00:00,5Z",
        "2030-01-01T05:00:00Z\n",
        " 2030-01-01T05:00:00Z",
    ),
    *("2030-01-01T05:00:00+24:00", "2030-01-01T05:00:00+01:00:30", "٢٠٣٠-01-01T05:00:00Z", "2030-1-1T05:00:00Z"),
)


@pytest.mark.parametrize("value", [None, 7, [], *NO_MOMENTS])
def test_wait_until_no_moment_fails_with_expression_failed(value: Any) -> None:
    name, cause = error_of(ended({"type": "wait", "until": "${ input }"}, value))
    assert name == "Expression.Failed"
    assert cause.startswith("until must be a time of RFC 3339 with its zone like 2030-01-31T08:00:00+01:00, found ")


def test_http_asks_for_an_outside_call_and_its_result_is_the_output() -> None:
    step = {
        "type": "http",
        "method": "POST",
        "url": "https://x.example/${ input.id }",
        "query": {"q": "${ input.n }"},
        "headers": {"x-a": "${ input.id }"},
        "body": {"order": "${ input }"},
        "auth": {"bearer": "${ stash.key }"},
        "successCodes": ["2xx", 404],
        "timeoutSeconds": 5,
        "stash": {"status": "${ output.status }"},
    }
    world = ended([PASS | {"stash": {"key": "k"}}, step], {"id": "a", "n": 2})
    (task,) = world.tasks
    assert task.request == {
        "method": "POST",
        "url": "https://x.example/a",
        "query": {"q": 2},
        "headers": {"x-a": "a"},
        "body": {"order": {"id": "a", "n": 2}},
        "auth": {"bearer": "k"},
        "successCodes": ["2xx", 404],
    }
    assert (task.type, task.step, task.visit, task.attempt, task.timeout_seconds) == ("http", "s2", 2, 1, 5)
    assert task.idempotency_key == f"{world.head.id}//s2/2"
    assert world.head.output == {"status": 200, "headers": {}, "body": {"step": "s2"}}
    assert world.head.stash["status"] == 200


def test_http_defaults_to_get_and_30_seconds() -> None:
    (task,) = ended({"type": "http", "url": "https://x.example"}).tasks
    assert task.request == {"method": "GET", "url": "https://x.example"}
    assert task.timeout_seconds == 30


@pytest.mark.parametrize("value", [None, 3, "x.example", "ftp://x.example", "https://", {"a": 1}])
def test_http_with_a_computed_url_that_is_none_fails_without_a_call(value: Any) -> None:
    world = ended({"type": "http", "url": "${ input }"}, value)
    assert error_of(world)[0] == "Expression.Failed"
    assert world.tasks == []


def test_request_beyond_five_megabytes_is_not_sent() -> None:
    big = "x" * 300_000
    world = ended({"type": "http", "url": "https://x.example", "body": ["${ input }"] * 20}, big)
    assert error_of(world)[0] == "Data.TooLarge"
    assert world.tasks == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), "Data.Invalid"),
        ({"a": [float("inf")]}, "Data.Invalid"),
        ("\ud800", "Data.Invalid"),
        ({"a": 10**400}, "Data.Invalid"),
        ((1, 2), "Data.Invalid"),
        ("x" * 4_200_000, "Data.TooLarge"),
    ],
)
def test_results_that_cannot_be_stored_fail_the_step(value: Any, error: str) -> None:
    world = ended({"type": "http", "url": "https://x.example"}, answer=lambda task: TaskResult(value))
    assert error_of(world)[0] == error


def test_large_result_may_be_reshaped_to_a_small_one() -> None:
    step = {"type": "http", "url": "https://x.example", "output": "${ length(output.body) }"}
    assert ended(step, answer=lambda task: TaskResult({"body": "x" * 200_000})).head.output == 200_000


def test_succeed_ends_the_execution_with_its_output_or_its_input() -> None:
    assert ended({"type": "succeed"}, 4).head.output == 4
    assert ended({"type": "succeed", "output": "${ [input] }"}, 4).head.output == [4]
    assert ended({"type": "succeed", "stash": {"a": 1}}, 4).head.stash == {"a": 1}


def test_succeed_that_cannot_be_evaluated_can_be_caught() -> None:
    step = {"type": "succeed", "output": "${ abs(input) }", "catch": [{"errors": ["Expression.Failed"], "next": "b"}]}
    assert ended([step, PASS | {"id": "b", "output": "saved"}], "x").head.output == "saved"


def test_fail_ends_the_execution_with_the_authors_error() -> None:
    world = ended({"type": "fail", "error": "Order.Refused", "cause": "because of ${ input }"}, {"n": 1})
    assert world.head.state == "ExecutionFailed"
    assert world.head.error == {"name": "Order.Refused", "cause": 'because of {"n":1}', "step": "s1"}
    assert world.trail == ["ExecutionSubmitted", "StepStarted s1", "StepFailed s1", "ExecutionFailed"]


@pytest.mark.parametrize("value", [None, "", 5, "x" * 300])
def test_fail_whose_error_is_no_name_fails_with_expression_failed(value: Any) -> None:
    assert error_of(ended({"type": "fail", "error": "${ input }"}, value))[0] == "Expression.Failed"


def test_history_of_the_seeds_example_is_complete() -> None:
    wait: dict[str, Any] = {"type": "wait", "seconds": 45}
    steps = [{"type": "echo", "message": "first"}, wait, {"type": "echo", "message": "last"}]
    world = World(document(*steps), {"foo": "bar"}).run()
    at = ["2023-11-14T22:13:20.000Z", "2023-11-14T22:14:05.000Z"]
    data = {"foo": "bar"}
    assert world.history == [
        {"seq": 1, "at": at[0], "type": "ExecutionSubmitted", "input": data, "version": 1, "actor": "tester"},
        {"seq": 2, "at": at[0], "type": "StepStarted", "step": "s1", "visit": 1, "attempt": 1, "input": data},
        {
            "seq": 3,
            "at": at[0],
            "type": "StepSucceeded",
            "step": "s1",
            "visit": 1,
            "attempt": 1,
            "message": "first",
            "output": data,
        },
        {"seq": 4, "at": at[0], "type": "StepStarted", "step": "s2", "visit": 2, "attempt": 1, "input": data},
        {"seq": 5, "at": at[1], "type": "StepSucceeded", "step": "s2", "visit": 2, "attempt": 1, "output": data},
        {"seq": 6, "at": at[1], "type": "StepStarted", "step": "s3", "visit": 3, "attempt": 1, "input": data},
        {
            "seq": 7,
            "at": at[1],
            "type": "StepSucceeded",
            "step": "s3",
            "visit": 3,
            "attempt": 1,
            "message": "last",
            "output": data,
        },
        {"seq": 8, "at": at[1], "type": "ExecutionSucceeded", "output": data},
    ]
    assert world.commits == 2


def test_lambda_asks_for_an_outside_call_with_the_steps_input_unless_told_otherwise() -> None:
    world = ended(
        {"type": "lambda", "function": "${ input.name }:live"}, {"name": "f"}, answer=lambda _: TaskResult([1])
    )
    (task,) = world.tasks
    assert (task.type, task.timeout_seconds) == ("lambda", 30)
    assert task.request == {"function": "f:live", "payload": {"name": "f"}}
    assert world.head.output == [1]
    (told,) = ended({"type": "lambda", "function": "f", "payload": {"n": "${ input }"}}, 3).tasks
    assert told.request["payload"] == {"n": 3}


@pytest.mark.parametrize("value", [None, 3, "", "a b", "f:", "../f", "arn:aws:s3:::bucket", "f" * 65])
def test_lambda_with_a_computed_function_that_is_none_fails_without_a_call(value: Any) -> None:
    world = ended({"type": "lambda", "function": "${ input }"}, value)
    assert world.tasks == []
    assert error_of(world)[0] == "Expression.Failed"


def test_queue_asks_for_an_outside_call_and_its_result_is_the_output() -> None:
    step = {"type": "queue", "queue": "orders", "message": {"n": "${ input }"}, "delaySeconds": "${ input }"}
    world = ended(step, 3, answer=lambda _: TaskResult({"messageId": "m"}))
    (task,) = world.tasks
    assert (task.type, task.timeout_seconds) == ("queue", 30)
    assert task.request == {"queue": "orders", "message": {"n": 3}, "delaySeconds": 3}
    assert world.head.output == {"messageId": "m"}


@pytest.mark.parametrize(
    ("queue", "delay"),
    [("", 1), ("a b", 1), ("https://x.example/q", 1), ("q", -1), ("q", 901), ("q", 1.5), ("q", True), ("q", "1")],
)
def test_queue_with_values_that_sqs_cannot_take_fails_without_a_call(queue: str, delay: Any) -> None:
    step = {"type": "queue", "queue": "${ input.queue }", "message": 1, "delaySeconds": "${ input.delay }"}
    world = ended(step, {"queue": queue, "delay": delay})
    assert world.tasks == []
    assert error_of(world)[0] == "Expression.Failed"


def test_what_a_person_reads_is_kept_as_far_as_a_definition_may_write_it() -> None:
    step = {"type": "human", "title": "${ input }", "description": "${ input }", "end": True, "id": "s"}
    world = World({"id": "d", "steps": [step]}, input="x" * 10_000)
    world.begin()
    held = world.head.cursors[0].held or {}
    assert (len(held["title"]), len(held["description"])) == (1_024, 8_192)

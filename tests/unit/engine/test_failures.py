"""Failures: retried as the policies grant, caught by name, prefix or class, else the end of the execution."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.errors import matches
from tests.unit.engine.world import DAY, HOUR, SECOND, T0, World, document, ended, failing

HTTP: dict[str, Any] = {"type": "http", "url": "https://x.example"}
PASS: dict[str, Any] = {"type": "pass"}


def retrying(*errors: str | None, **policy: Any) -> World:
    step = HTTP | {"retry": [{"errors": ["*"]} | policy]}
    return ended(step, answer=failing(*errors))


def delays(world: World) -> list[float]:
    return [event["delaySeconds"] for event in world.history if event["type"] == "StepRetried"]


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("*", "Anything", True),
        ("Http.503", "Http.503", True),
        ("Http", "Http.503", True),
        ("Http.5xx", "Http.503", True),
        ("Http.5xx", "Http.404", False),
        ("Http.4xx", "Http.404", True),
        ("Http.5xx", "Http.ConnectionFailed", False),
        ("Htt", "Http.503", False),
        ("Task", "Task", True),
        ("Task.Timeout", "Task", False),
        ("My.Error", "My.ErrorToo", False),
    ],
)
def test_errors_are_covered_by_name_prefix_class_or_star(pattern: str, name: str, covered: bool) -> None:
    assert matches(["nothing", pattern], name) is covered


def test_max_attempts_counts_the_first_one_too() -> None:
    world = retrying(*["Http.500"] * 9, maxAttempts=3)
    assert [task.attempt for task in world.tasks] == [1, 2, 3]
    assert world.head.error == {"name": "Http.500", "cause": "Http.500 of the test", "step": "s1"}
    assert world.head.visits == 1
    assert world.head.transitions == 3


def test_attempts_share_the_idempotency_key_of_their_visit() -> None:
    world = retrying("Http.500", "Http.500", maxAttempts=3)
    assert {task.idempotency_key for task in world.tasks} == {f"{world.head.id}//s1/1"}
    assert world.head.state == "ExecutionSucceeded"


def test_delays_grow_by_the_backoff_rate_up_to_their_bound() -> None:
    world = retrying(*["Http.500"] * 5, maxAttempts=6, intervalSeconds=1.5, backoffRate=2, maxIntervalSeconds=10)
    assert delays(world) == [1.5, 3, 6, 10, 10]
    assert world.now - T0 == 30_500


def test_by_default_there_are_three_attempts_after_one_and_two_seconds() -> None:
    assert delays(retrying(*["Http.500"] * 9)) == [1, 2]


def test_huge_backoff_stays_within_its_bound() -> None:
    world = retrying(*["Http.500"] * 99, maxAttempts=40, backoffRate=100, intervalSeconds=1, maxIntervalSeconds=7200)
    assert max(delays(world)) == 7200
    assert world.now - T0 > 30 * 2 * HOUR


def test_full_jitter_shortens_delays_and_is_always_the_same_for_the_same_attempt() -> None:
    worlds = [
        retrying(*["Http.500"] * 9, maxAttempts=8, intervalSeconds=100, backoffRate=1, jitter="full") for _ in range(2)
    ]
    assert delays(worlds[0]) == delays(worlds[1])
    assert all(0 <= delay <= 100 for delay in delays(worlds[0]))
    assert len(set(delays(worlds[0]))) > 5


def test_delay_beyond_15_minutes_is_a_timer_of_the_index() -> None:
    world = World(document(HTTP | {"retry": [{"errors": ["*"], "intervalSeconds": 3600}]}), None, failing("Http.500"))
    world.begin()
    world.deliver()
    assert world.sends == []
    assert world.head.due_at_ms == T0 + HOUR
    assert world.run().head.state == "ExecutionSucceeded"


def test_first_policy_that_covers_the_error_decides() -> None:
    retry = [{"errors": ["Http.5xx"], "maxAttempts": 2}, {"errors": ["*"], "maxAttempts": 9, "intervalSeconds": 0}]
    assert len(ended(HTTP | {"retry": retry}, answer=failing(*["Http.500"] * 9)).tasks) == 2
    assert len(ended(HTTP | {"retry": retry}, answer=failing(*["Http.404"] * 5)).tasks) == 6


def test_attempts_count_against_max_transitions() -> None:
    step = HTTP | {"retry": [{"errors": ["*"], "maxAttempts": 900, "intervalSeconds": 0}]}
    world = ended(step, answer=failing(*["Http.500"] * 900), maxTransitions=5)
    assert len(world.tasks) == 5
    assert world.head.error is not None
    assert world.head.error["name"] == "Execution.TooManyTransitions"


def test_caught_error_goes_on_with_the_failed_steps_input_and_stashes_the_error() -> None:
    step = HTTP | {
        "input": {"id": "${ input }"},
        "catch": [
            {"errors": ["Task"], "next": "never"},
            {"errors": ["Http.4xx"], "next": "saved", "stash": {"problem": "${ error }", "was": "${ input.id }"}},
        ],
    }
    world = ended(
        [step, PASS | {"id": "never", "next": "saved"}, PASS | {"id": "saved"}], 7, answer=failing("Http.404")
    )
    assert world.visited == ["s1", "saved"]
    assert world.head.output == {"id": 7}
    problem = {"name": "Http.404", "cause": "Http.404 of the test", "step": "s1"}
    assert world.head.stash == {"problem": problem, "was": 7}


def test_retries_come_before_catches() -> None:
    step = HTTP | {"retry": [{"errors": ["*"], "maxAttempts": 2}], "catch": [{"errors": ["*"], "next": "s2"}]}
    world = ended([step, PASS], answer=failing("Http.500", "Http.500"))
    assert len(world.tasks) == 2
    assert "StepFailed s1" in world.trail
    assert world.head.state == "ExecutionSucceeded"


def test_catch_whose_stash_cannot_be_evaluated_ends_the_execution() -> None:
    step = HTTP | {"catch": [{"errors": ["*"], "next": "s2", "stash": {"a": "${ abs(error.name) }"}}]}
    world = ended([step, PASS], answer=failing("Http.500"))
    assert world.head.error is not None
    assert world.head.error["name"] == "Expression.Failed"


@pytest.mark.parametrize("field", ["input", "output", "stash"])
def test_expression_that_fails_in_a_common_field_can_be_caught(field: str) -> None:
    wrong = {"stash": {"a": "${ abs(input) }"}} if field == "stash" else {field: "${ abs(input) }"}
    step = PASS | wrong | {"catch": [{"errors": ["Expression.Failed"], "next": "s2", "stash": {"e": "${ error }"}}]}
    world = ended([step, PASS], "text")
    assert world.head.output == "text"
    assert world.head.stash["e"]["step"] == "s1"
    assert world.head.stash["e"]["name"] == "Expression.Failed"


def test_input_that_cannot_be_made_fails_every_attempt() -> None:
    step = HTTP | {"input": "${ abs(input) }", "retry": [{"errors": ["*"], "maxAttempts": 3, "intervalSeconds": 0}]}
    world = ended(step, "text")
    assert world.tasks == []
    assert [event["attempt"] for event in world.history if event["type"] in ("StepRetried", "StepFailed")] == [1, 2, 3]


def test_loop_of_failing_inputs_is_bounded_in_every_decision() -> None:
    step = HTTP | {"input": "${ abs(input) }", "catch": [{"errors": ["*"], "next": "s1"}]}
    world = ended(step, "text", maxTransitions=2000)
    assert world.head.error is not None
    assert world.head.error["name"] == "Execution.TooManyTransitions"
    assert world.commits >= 5


def test_given_up_processing_is_caught_but_not_retried() -> None:
    from chalicelib.engine.events import ProcessingGivenUp

    step = HTTP | {"retry": [{"errors": ["*"]}], "catch": [{"errors": ["Sedo"], "next": "s2"}]}
    world = World(document(step, PASS))
    world.begin()
    world.decide(ProcessingGivenUp("other", "why", "n"))
    assert world.commits == 1, "another token's dead letter means nothing"
    world.decide(ProcessingGivenUp("1.1", "the log says why", "n"))
    assert world.head.state == "ExecutionSucceeded"
    assert {"name": "Sedo.ProcessingFailed", "cause": "the log says why", "step": "s1"} in [
        event.get("error") for event in world.history
    ]


def test_given_up_look_fails_the_timers_that_were_due() -> None:
    from chalicelib.engine.decision import look_token
    from chalicelib.engine.events import ProcessingGivenUp

    world = World(document({"type": "wait", "seconds": 86_400}))
    world.begin()
    event = ProcessingGivenUp(look_token(T0 + DAY), "why", "n")
    world.decide(event)
    assert world.commits == 1, "not due yet"
    world.now += DAY
    world.decide(event)
    assert world.head.error is not None
    assert world.head.error["name"] == "Sedo.ProcessingFailed"


def test_definition_that_is_gone_ends_the_execution_with_its_cause() -> None:
    from chalicelib.engine.events import Arrived

    world = World(document(HTTP | {"catch": [{"errors": ["*"], "next": "s2"}]}, PASS))
    world.begin()
    world.decide(Arrived("1.1", "n"), definition=None)
    assert world.head.state == "ExecutionFailed"
    assert world.head.error is not None
    assert world.head.error["name"] == "Sedo.ProcessingFailed"
    assert "version 1 of definition example is gone" in world.head.error["cause"]


def test_wait_longer_than_its_timeout_fails_with_task_timeout_at_the_timeout() -> None:
    step = {"type": "wait", "seconds": 100, "timeoutSeconds": 30, "catch": [{"errors": ["Task.Timeout"], "next": "s2"}]}
    world = ended([step, PASS])
    assert world.now == T0 + 30 * SECOND
    assert "StepTimedOut s1" in world.trail
    assert ended({"type": "wait", "seconds": 30, "timeoutSeconds": 30}).head.state == "ExecutionSucceeded"

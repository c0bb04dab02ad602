"""Bounds: transitions, steps and bytes of one decision, sizes and depth of values."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine import values
from chalicelib.engine.definition import parse
from chalicelib.engine.draft import Policy
from chalicelib.engine.walk import MAX_EVENT_BYTES
from tests.unit.engine.world import T0, World, document, ended

PASS: dict[str, Any] = {"type": "pass"}
LOOP: dict[str, Any] = {"type": "choice", "choices": [{"when": True, "next": "s1"}]}


def error_of(world: World) -> str:
    assert world.head.error is not None
    return str(world.head.error["name"])


def test_max_transitions_bounds_step_attempts() -> None:
    world = ended([PASS, LOOP], maxTransitions=7)
    assert error_of(world) == "Execution.TooManyTransitions"
    assert len(world.visited) == world.head.transitions == 7


def test_too_many_transitions_cannot_be_caught() -> None:
    caught = PASS | {"catch": [{"errors": ["*"], "next": "s2"}]}
    assert error_of(ended([caught, LOOP], maxTransitions=3)) == "Execution.TooManyTransitions"


def test_ten_thousand_transitions_by_default() -> None:
    assert parse(document({"type": "wait", "seconds": 0}, LOOP)).max_transitions == 10_000


def test_one_decision_takes_at_most_400_steps_and_hands_the_rest_on() -> None:
    world = World(document(*[PASS] * 490), inline=False)
    world.begin()
    assert len(world.visited) == 401, "400 are done, the next one is begun"
    assert [send.token for send in world.sends] == ["401.1"]
    world.run()
    assert world.commits == 2


def test_rest_of_a_long_chain_stays_with_the_covering_message() -> None:
    chain = World(document({"type": "wait", "seconds": 1}, *[PASS] * 490))
    chain.begin()
    chain.deliver()
    assert chain.head.ended
    assert chain.sends == []
    assert chain.commits == 3


def test_one_decision_writes_a_bounded_amount_of_history() -> None:
    grow = PASS | {"output": "${ join('', ['" + "x" * 4000 + "', stash.none || '']) }"}
    world = World(document(*[grow] * 100), inline=False)
    world.begin()
    assert values.size([event.details for event in world.events], 10**9) < 2.5 * MAX_EVENT_BYTES
    world.run()
    assert world.head.state == "ExecutionSucceeded"
    assert 5 < world.commits < 30


@pytest.mark.parametrize(
    "step",
    [
        PASS | {"output": "${ [input, input] }"},
        PASS | {"input": "${ [input, input] }"},
        PASS | {"stash": {"a": "${ input }", "b": "${ input }"}},
        {"type": "echo", "message": ["${ input }", "${ input }"]},
        {"type": "succeed", "output": {"a": "${ input }", "b": "${ input }"}},
    ],
)
def test_values_beyond_4_mb_fail_with_data_too_large(step: dict[str, Any]) -> None:
    world = ended(step, "x" * 2_200_000)
    assert error_of(world) == "Data.TooLarge"


def test_output_of_the_execution_beyond_4_mb_fails_it() -> None:
    assert error_of(ended(PASS, "x" * 2_200_000, output=["${ input }", "${ output }"])) == "Data.TooLarge"


def test_value_that_doubles_in_a_loop_ends_soon() -> None:
    world = ended([PASS | {"output": ["${ input }", "${ input }"]}, LOOP], "seed", maxTransitions=10_000)
    assert error_of(world) == "Data.TooLarge"
    assert world.head.transitions < 40


def test_value_that_nests_in_a_loop_ends_at_100_levels() -> None:
    world = ended([PASS | {"output": {"a": "${ input }"}}, LOOP], "seed", maxTransitions=10_000)
    assert error_of(world) == "Data.TooLarge"
    assert "100 levels" in world.head.error["cause"] if world.head.error else False
    assert world.head.transitions < 250


def test_failing_inputs_count_as_new_history() -> None:
    step = PASS | {"output": "${ abs(input) }", "catch": [{"errors": ["*"], "next": "s1"}]}
    world = World(document(step, maxTransitions=500), "x" * 900)
    world.begin()
    assert len(world.visited) < 100


def test_short_deadline_ends_the_execution_at_its_moment() -> None:
    world = World(document({"type": "wait", "seconds": 600}, timeoutSeconds=60)).run()
    assert world.head.state == "ExecutionTimedOut"
    assert world.head.ended_at_ms == T0 + 60_000
    assert world.trail[-1] == "ExecutionTimedOut"
    assert error_of(world) == "Execution.Timeout"


def test_long_deadline_is_a_timer_of_the_index() -> None:
    world = World(document({"type": "wait", "seconds": 864_000}, timeoutSeconds=86_400))
    world.begin()
    assert world.sends == []
    assert world.head.due_at_ms == T0 + 86_400_000
    assert world.run().head.state == "ExecutionTimedOut"


def test_deadline_cannot_be_caught() -> None:
    step = {"type": "wait", "seconds": 600, "catch": [{"errors": ["*"], "next": "s2"}]}
    assert World(document(step, PASS, timeoutSeconds=60)).run().head.state == "ExecutionTimedOut"


def test_message_after_the_deadline_ends_the_execution() -> None:
    world = World(document({"type": "wait", "seconds": 10}, PASS, timeoutSeconds=2000))
    world.begin()
    world.now = T0 + 2_000_000
    world.deliver()
    assert world.head.state == "ExecutionTimedOut"


def test_policy_sets_what_a_queue_can_delay() -> None:
    world = World(document({"type": "wait", "seconds": 30}), policy=Policy(max_delay_ms=10_000))
    world.begin()
    assert world.sends == []
    assert world.head.due_at_ms == T0 + 30_000


BIG = "x" * (values.MAX_VALUE_BYTES - 100)
MEGABYTE: dict[str, Any] = {"type": "pass", "output": "${ [input, 'x'] }"}


def recorded(*steps: dict[str, Any], input: Any) -> int:
    return ended([*steps], input).head.data_bytes


@pytest.mark.parametrize(
    "step",
    [
        PASS,
        PASS | {"input": "${ input }", "output": "${ execution.input }", "stash": {"a": "${ input }"}},
        {"type": "echo", "message": "${ input }"},
        {"type": "choice", "choices": [{"when": "${ length(input) > `1` }", "next": "s2"}]},
        {"type": "succeed", "output": "${ input }"},
    ],
)
def test_a_value_of_4_mb_passes_any_step_and_counts_once(step: dict[str, Any]) -> None:
    world = ended([step, PASS], BIG) if step["type"] == "choice" else ended(step, BIG)
    assert world.head.state == "ExecutionSucceeded"
    assert world.head.output == BIG
    assert 0 <= world.head.data_bytes - len(BIG) < 50


def test_what_is_handed_on_over_many_decisions_counts_once() -> None:
    keep = {"type": "pass", "stash": {"all": "${ input }", "part": "${ input.list }"}}
    wait: dict[str, Any] = {"type": "wait", "seconds": 1, "output": {"again": "${ stash.part }"}}
    steps = [keep, *[wait] * 12, PASS]
    big = {"list": ["y" * 1000] * 40}
    world = ended(steps, big)
    assert world.head.state == "ExecutionSucceeded"
    assert world.head.data_bytes < 45_000


def test_small_values_do_not_count() -> None:
    assert recorded(PASS, MEGABYTE, input="x" * 4000) == 0
    assert recorded(PASS | {"stash": {"a": "${ input }"}}, input="x" * 4000) == 0


def test_a_stash_of_many_small_values_counts() -> None:
    steps = [PASS | {"stash": {f"a{i}": "${ [input, `" + str(i) + "`] }"}} for i in range(4)]
    assert 4000 < recorded(*steps, input="x" * 3000) < 10_000


def test_more_than_64_mb_of_large_values_fail_the_step_and_can_be_caught() -> None:
    grow = PASS | {
        "output": "${ reverse(input) }",
        "catch": [{"errors": ["Data.TooLarge"], "stash": {"why": "${ error.cause }"}, "next": "s3"}],
        "next": "s2",
    }
    world = ended([PASS, grow, PASS], "x" * 3_000_000, maxTransitions=200)
    assert world.head.state == "ExecutionSucceeded"
    assert "records more than 67108864 bytes" in world.head.stash["why"]
    assert values.MAX_EXECUTION_BYTES - 3_000_010 < world.head.data_bytes <= values.MAX_EXECUTION_BYTES


def test_retention_goes_into_the_head() -> None:
    assert ended(PASS, retentionDays=7).head.retention_days == 7
    assert ended(PASS).head.retention_days is None

"""Dead letters: poison is not an outage. A message gets four more lives, then its step fails visibly and catchably.

- sent again with `lives` + 1 after 1, 2, 4 and 8 minutes
- after the last life the step fails with Sedo.ProcessingFailed, in history, for a `catch` to take
- the dead-letter handler meets row 1 as any processor does, and drops what is done
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.deliveries import BatchFailed
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.ports import Message
from tests.unit.protocol.world import (
    DEAD_LETTER,
    READY,
    TENANT,
    TIMEOUT,
    Crash,
    World,
    call,
    definition,
    step,
    unavailable,
    wait,
)

CATCH = [{"errors": ["Sedo.ProcessingFailed"], "stash": {"problem": "${ error }"}, "next": "saved"}]


def bury(world: World, queue: str = READY, lives: int = 0) -> None:
    """Move what waits on a queue to the dead-letter queue, as redrive does."""
    for body in world.queues.bodies(queue):
        world.queues.put(DEAD_LETTER, json.dumps(json.loads(body) | {"lives": lives}))
    world.queues.purge(queue)


def poisonous(task: Task) -> TaskResult:
    raise RuntimeError("the code itself breaks")


def test_lives_are_given_after_1_2_4_and_8_minutes() -> None:
    world = World(definition(call("a"), step("e")))
    world.start()
    bury(world)
    for lives, minutes in enumerate((1, 2, 4, 8), 1):
        assert world.deliver(DEAD_LETTER) is None
        [body] = world.queues.bodies(TIMEOUT)
        assert json.loads(body)["lives"] == lives
        moment = world.queues.next_moment_ms()
        assert moment == world.now_ms + minutes * 60_000
        world.now_ms = moment
        bury(world, TIMEOUT, lives)
    assert world.messages(DEAD_LETTER) == 1


def test_last_life_fails_the_step_visibly(caplog: pytest.LogCaptureFixture) -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    bury(world, lives=4)
    assert world.deliver(DEAD_LETTER) is None
    head = world.head(execution_id)
    assert head.state == "ExecutionFailed"
    assert head.error is not None
    assert head.error["name"] == "Sedo.ProcessingFailed"
    assert head.error["step"] == "a"
    assert "5 rounds of 4 tries" in head.error["cause"]
    assert world.kinds(execution_id)[-2:] == ["StepFailed", "ExecutionFailed"]
    assert execution_id in caplog.text
    assert world.messages(DEAD_LETTER) == 0


def test_processing_failed_is_catchable() -> None:
    world = World(definition(call("a", catch=CATCH), step("e", next="saved"), step("saved")))
    execution_id = world.start()
    bury(world, lives=4)
    assert world.deliver(DEAD_LETTER) is None
    head = world.head(execution_id)
    assert head.state == "ExecutionSucceeded"
    assert head.stash["problem"]["name"] == "Sedo.ProcessingFailed"


def test_processing_failed_is_not_retried_as_an_ordinary_error() -> None:
    retry = [{"errors": ["*"], "maxAttempts": 5, "intervalSeconds": 1}]
    world = World(definition(call("a", retry=retry), step("e")))
    execution_id = world.start()
    bury(world, lives=4)
    world.deliver(DEAD_LETTER)
    assert world.head(execution_id).state == "ExecutionFailed"


def test_poison_goes_its_whole_way_and_ends_visibly() -> None:
    """Four receives, four more lives of four receives each, then the failure: nothing else holds it up."""
    world = World(definition(call("a", catch=CATCH), step("e", next="saved"), step("saved")))
    execution_id = world.start()
    world.outside.answer = poisonous
    world.run(5 * 3600)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert world.head(execution_id).stash["problem"]["name"] == "Sedo.ProcessingFailed"
    assert world.messages(READY) == world.messages(TIMEOUT) == world.messages(DEAD_LETTER) == 0
    assert world.kinds(execution_id).count("StepFailed") == 1


def test_outage_shorter_than_all_lives_costs_nothing_but_time() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    with world.hooked(unavailable("commit", times=300)):
        world.run(4 * 3600)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert "StepFailed" not in world.kinds(execution_id)


def test_dead_letter_of_something_done_is_dropped() -> None:
    world = World(definition(call("a"), wait("w", 60), step("e")))
    execution_id = world.start()
    stale = world.queues.bodies(READY)[0]
    world.deliver()
    version = world.head(execution_id).version
    world.queues.put(DEAD_LETTER, json.dumps(json.loads(stale) | {"n": "another", "lives": 4}))
    assert world.deliver(DEAD_LETTER) is None
    assert world.head(execution_id).version == version
    assert world.messages(DEAD_LETTER) == 0


def test_dead_letter_meets_row_1() -> None:
    """It committed and never came to send: its sends are repeated, and it is done."""
    world = World(definition(call("a"), wait("w", 600), step("e")))
    execution_id = world.start()
    with world.crashing("send", "before"):
        assert isinstance(world.deliver(), Crash)
    bury(world, lives=4)
    version = world.head(execution_id).version
    assert world.deliver(DEAD_LETTER) is None
    assert world.head(execution_id).version == version
    [message] = world.queues.bodies(TIMEOUT)
    assert json.loads(message)["token"] == "2.1"
    world.run(700, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_dead_letter_meets_rows_1_and_2_together() -> None:
    world = World(definition(call("a"), call("b"), step("e")))
    execution_id = world.start()
    with world.crashing("commit", "before", nth=2):
        assert isinstance(world.deliver(), Crash)
    bury(world)
    assert world.deliver(DEAD_LETTER) is None
    assert [json.loads(body)["lives"] for body in world.queues.bodies(TIMEOUT)] == [1]
    world.run(100, ticks=False)
    assert world.head(execution_id).ended


def test_dead_look_gets_its_lives_and_in_the_end_fails_what_it_should_have_driven() -> None:
    world = World(definition(wait("w", 3600, catch=CATCH), step("e", next="saved"), step("saved")))
    execution_id = world.start()
    world.advance(3600)
    world.tick()
    bury(world, lives=3)
    assert world.deliver(DEAD_LETTER) is None
    [body] = world.queues.bodies(TIMEOUT)
    assert (json.loads(body)["kind"], json.loads(body)["lives"]) == ("look", 4)
    bury(world, TIMEOUT, lives=4)
    assert world.deliver(DEAD_LETTER) is None
    assert world.head(execution_id).stash["problem"]["name"] == "Sedo.ProcessingFailed"


@pytest.mark.parametrize("times", [1, 3])
def test_dead_letter_that_loses_a_race_decides_again(times: int) -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    bury(world, lives=4)
    left = [times]

    def race(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and left[0] > 0:
            left[0] -= 1
            head = world.head(execution_id)
            world.memory.commit(replace(head, version=head.version + 1), "other")

    with world.hooked(race):
        assert world.deliver(DEAD_LETTER) is None
    assert world.head(execution_id).state == "ExecutionFailed"


def test_dead_letter_that_loses_to_a_slow_process_lets_the_chunks_expire_if_that_one_died() -> None:
    world = World(definition(call("a"), call("b"), step("e")))
    world.runtime = replace(world.runtime, flush_above_bytes=10)
    execution_id = world.start()
    slow = world.receive()
    bury(world, lives=4)
    stamped: list[str] = []

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before"):
            world.hooks.clear()
            with world.crashing("stamp_expiry", "before"):
                assert isinstance(world.invoke(READY, slow), Crash)
            assert world.head(execution_id).ended
            world.hooks.append(watch)

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if name == "stamp_expiry":
            stamped.append(args[0].id)

    world.hooks.append(overtaken)
    assert world.deliver(DEAD_LETTER) is None
    assert world.head(execution_id).chunks > 0
    assert execution_id in stamped


def test_dead_letter_handler_in_an_outage_keeps_its_messages() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    bury(world)
    with world.hooked(unavailable("send", times=1000)):
        assert isinstance(world.deliver(DEAD_LETTER), BatchFailed)
    assert world.messages(DEAD_LETTER) == 1
    world.run(600, ticks=False)
    assert world.head(execution_id).ended


def test_one_dead_letter_that_breaks_the_handler_holds_up_no_other() -> None:
    world = World(definition(call("a"), step("e")))
    ids = [world.start() for _ in range(10)]
    bury(world, lives=4)

    def breaks(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == ids[2]:
            raise ValueError("unforeseen")

    with world.hooked(breaks):
        assert isinstance(world.deliver(DEAD_LETTER), BatchFailed)
    assert world.messages(DEAD_LETTER) == 1
    assert [world.head(one).ended for one in ids].count(True) == 9


def test_dead_letter_of_an_unknown_execution_or_no_message_at_all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = World(definition(call("a"), step("e")))
    world.queues.put(DEAD_LETTER, "<xml/>")
    message = Message(f"{TENANT}:d:nowhere", "1.1", "n")
    world.queues.put(DEAD_LETTER, json.dumps({"executionId": message.execution_id, "token": "1.1", "n": "n"}))
    assert world.deliver(DEAD_LETTER) is None
    assert "<xml/>" in caplog.text
    assert message.execution_id in caplog.text

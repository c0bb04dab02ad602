"""Commits: one conditional write on `version`; who loses a race loads again and decides again with what it has in hand.

- write, then send, then acknowledge
- a loser decides again with the same event and result, unless the winner took over what the event is about
- a loser never acknowledges while a cursor carries its token
- a commit whose answer was lost is found by its nonce and counts as done
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.deliveries import BatchFailed
from chalicelib.drive import MAX_CONFLICTS, MAX_CONFLICTS_WITH_NEWS
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.ports import Message
from tests.unit.protocol.world import DEAD_LETTER, READY, TIMEOUT, World, call, definition, step, unavailable, wait


def world_of(*steps: dict[str, Any], **fields: Any) -> World:
    return World(definition(*steps, **fields))


def touch(world: World, execution_id: str) -> None:
    """Let somebody else write a new version that changes nothing of what is driven."""
    head = world.head(execution_id)
    world.memory.commit(replace(head, version=head.version + 1), f"other-{head.version}")


def test_order_is_write_then_send_then_acknowledge() -> None:
    world = world_of(call("a"), wait("w", 60))
    execution_id = world.start()
    seen: list[str] = []
    with world.hooked(lambda name, when, args: seen.append(name) if when == "before" else None):
        received = world.receive()
        assert world.invoke(READY, received) is None
    assert [name for name in seen if name in ("commit", "send")] == ["commit", "send"]
    assert world.messages(READY) == 0
    assert world.messages(TIMEOUT) == 1
    assert world.head(execution_id).step == "w"


def test_versioned_commit_decides_again_with_the_same_event() -> None:
    world = world_of(call("a"), call("b"))
    execution_id = world.start()

    def interfere(task: Task) -> TaskResult:
        if task.step == "a":
            touch(world, execution_id)
        return TaskResult(value=task.step)

    world.outside.answer = interfere
    assert world.deliver() is None
    assert [key.split("/")[-2] for key in world.outside.calls] == ["a", "b"]  # a's result was not thrown away
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"
    assert world.head(execution_id).output == "b"


def test_cancel_that_wins_the_race_against_a_timer_leaves_nothing_to_do() -> None:
    world = world_of(wait("w", 60), step("e"))
    execution_id = world.start()
    world.advance(60)
    received = world.receive(TIMEOUT)

    def cancel_first(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before"):
            world.hooks.clear()
            world.cancel(execution_id)

    world.hooks.append(cancel_first)
    assert world.invoke(TIMEOUT, received) is None
    assert world.kinds(execution_id) == ["ExecutionSubmitted", "StepStarted", "CancelRequested", "ExecutionCancelled"]


def test_two_processors_on_one_message() -> None:
    """The visibility timeout runs out while the first processor still calls outside; one of them commits."""
    world = world_of(call("a"), call("b"), step("e"))
    execution_id = world.start()
    second: list[BaseException | None] = []

    def slow(task: Task) -> TaskResult:
        if task.step == "a" and len(world.outside.calls) == 1:
            world.advance(361)
            second.append(world.deliver())
        return TaskResult(value=len(world.outside.calls))

    world.outside.answer = slow
    first = world.deliver()
    assert second == [None]  # it was received again, so it committed `a` and handed `b` to a fresh message
    assert first is None  # `a` was another's, and no cursor carries the token: nothing left to do
    world.run(10)
    assert world.kinds(execution_id).count("StepSucceeded") == 3
    assert world.messages(READY) == world.messages(DEAD_LETTER) == 0


def test_loser_never_acknowledges_while_a_cursor_carries_its_token() -> None:
    """The winner goes on inline under the same token: if it dies, only the loser's message is left."""
    world = world_of(call("a"), call("b"), step("e"))
    execution_id = world.start()
    message = Message(execution_id, "1.1", "duplicate")
    loser: list[BaseException | None] = []

    def overtake(task: Task) -> TaskResult:
        if task.step == "a" and len(world.outside.calls) == 1:
            # The first call's processor is overtaken by a duplicate that commits `a` and dies while calling `b`.
            world.send(message)
            with world.crashing("commit", "before", nth=2):
                world.deliver()
        return TaskResult(value=1)

    world.outside.answer = overtake
    loser.append(world.deliver())
    assert isinstance(loser[0], BatchFailed)
    assert world.messages(READY) == 2
    world.run(800)
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"


def test_commit_whose_answer_was_lost_is_a_success() -> None:
    world = world_of(call("a"), call("b"), step("e"))
    execution_id = world.start()
    with world.hooked(unavailable("commit", when="after")):
        assert world.deliver() is None  # and went on inline: taken for a lost race, it would have come back
    assert world.naps  # it waited, and tried the same write with the same nonce again
    assert world.outside.calls == [f"{execution_id}//a/1", f"{execution_id}//b/2"]
    assert world.head(execution_id).version == 3
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"


def test_commit_whose_answer_was_lost_for_good_is_found_by_the_redelivery() -> None:
    """The processor gives up not knowing; row 1 and row 2 of the table tell the redelivery what happened."""
    world = world_of(call("a"), wait("w", 800), step("e"))
    execution_id = world.start()
    with world.hooked(unavailable("commit", times=10_000, when="after")):
        assert isinstance(world.deliver(), BatchFailed)
    assert world.head(execution_id).step == "w"
    assert world.messages(TIMEOUT) == 0
    world.advance(360)
    assert world.deliver() is None
    assert world.messages(TIMEOUT) == 1
    world.run(800, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


@pytest.mark.parametrize("kind", ["drive", "look"])
def test_message_that_loses_too_many_races_comes_back(kind: str) -> None:
    world = world_of(wait("w", 60), step("e"))
    execution_id = world.start()
    world.advance(125 if kind == "look" else 60)
    if kind == "look":
        world.queues.purge(TIMEOUT)
        assert world.tick() == 1
        received, queue = world.receive(), READY
    else:
        received, queue = world.receive(TIMEOUT), TIMEOUT
    races = [0]

    def race(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before"):
            races[0] += 1
            touch(world, execution_id)

    with world.hooked(race):
        assert isinstance(world.invoke(queue, received), BatchFailed)
    assert races[0] == MAX_CONFLICTS + 1
    assert world.messages(queue) >= 1
    world.run(500, ticks=False)
    assert world.head(execution_id).ended


def test_head_that_vanishes_under_a_commit_is_acknowledged() -> None:
    world = world_of(call("a"), step("e"))
    execution_id = world.start()

    def vanish(task: Task) -> TaskResult:
        world.memory.forget(execution_id)
        return TaskResult(value=1)

    world.outside.answer = vanish
    assert world.deliver() is None
    assert world.messages(READY) == 0


def failing(name: str) -> Callable[[Task], TaskResult]:
    return lambda task: TaskResult(error=name, cause="no")


def test_retry_attempts_share_the_idempotency_key() -> None:
    retry = [{"errors": ["Http.5xx"], "maxAttempts": 3, "intervalSeconds": 5}]
    world = world_of(call("a", retry=retry), step("e"))
    execution_id = world.start()
    world.outside.answer = failing("Http.503")
    world.run(60)
    assert world.outside.calls == [f"{execution_id}//a/1"] * 3
    assert world.kinds(execution_id).count("StepRetried") == 2
    assert world.kinds(execution_id)[-1] == "ExecutionFailed"


class Races:
    """Somebody else is quicker each time an execution should end, so often as is said."""

    def __init__(self, world: World, execution_id: str, most: int) -> None:
        self.world = world
        self.execution_id = execution_id
        self.most = most
        self.lost = 0

    def __call__(self, name: str, when: str, args: tuple[Any, ...]) -> None:
        ends = (name, when) == ("commit", "before") and args[0].id == self.execution_id and args[0].ended
        if ends and self.lost < self.most:
            self.lost += 1
            touch(self.world, self.execution_id)


@pytest.mark.parametrize(
    ("lost", "comes_back"), [(MAX_CONFLICTS_WITH_NEWS, False), (MAX_CONFLICTS_WITH_NEWS + 1, True)]
)
def test_news_of_a_child_tries_longer_than_other_messages(lost: int, comes_back: bool) -> None:
    world = World(definition(step("child", "execute", definition="other")), definition(call("x"), id="other"))
    execution_id = world.start()
    races = Races(world, execution_id, lost)
    found: list[bool] = []
    with world.hooked(races):
        while world.messages(READY) and not world.head(execution_id).ended and not any(found):
            found.append(isinstance(world.deliver(), BatchFailed))
    assert races.lost == lost
    assert any(found) is comes_back
    assert world.head(execution_id).ended is not comes_back
    world.run(500, ticks=False)
    assert world.head(execution_id).ended


@pytest.mark.parametrize(("lost", "calls"), [(MAX_CONFLICTS_WITH_NEWS, 1), (MAX_CONFLICTS_WITH_NEWS + 1, 2)])
def test_result_of_a_call_is_not_given_up_after_a_few_races(lost: int, calls: int) -> None:
    world = world_of(call("a"), step("e"))
    execution_id = world.start()
    races = Races(world, execution_id, lost)
    with world.hooked(races):
        came_back = isinstance(world.deliver(), BatchFailed)
    assert races.lost == lost
    assert came_back is (calls > 1)
    world.run(500, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == calls

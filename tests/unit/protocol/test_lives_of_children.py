"""A child's ends belong to a life of its parent: who is late with an end, or with a new life, changes nothing.

- a slow process that tells children to end leaves those alone that live again since
- a slow process that lets a child live again loses the race against an end that came meanwhile
- an end counts from when it was decided, by whatever clock its children were told
- what was put into chunks while one process went on is put there once, and expires
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from tests.unit.protocol.world import READY, Crash, World, call, definition, side_by_side, step, wait

CHILD = step("child", "execute", definition="other")
OTHER = definition(call("x"), wait("w", 500), call("y"), id="other")


def lives(world: World, execution_id: str) -> tuple[bool, int]:
    head = world.head(f"{execution_id}.1.0")
    return not head.ended, head.life


def test_late_end_of_an_earlier_life_leaves_a_child_alone_that_lives_again() -> None:
    world = World(definition(CHILD, step("e")), OTHER)
    execution_id = world.start()
    world.drain()
    assert lives(world, execution_id) == (True, 1)
    world.cancel(execution_id)
    child = f"{execution_id}.1.0"

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == child and args[0].ended:
            world.hooks.clear()
            world.advance(361)  # its message goes to another, who is faster
            world.drain()
            assert world.head(execution_id).ended
            world.redrive(execution_id)
            world.drain()

    world.hooks.append(overtaken)
    world.drain()
    assert not world.hooks
    assert lives(world, execution_id) == (True, 2)
    assert world.kinds(child).count("ExecutionCancelled") == 1
    world.run(1000, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_child_is_not_redriven_behind_the_back_of_an_end_that_came_meanwhile() -> None:
    world = World(definition(CHILD, step("e")), OTHER)
    execution_id = world.start()
    world.drain()
    world.cancel(execution_id)
    world.drain()
    assert lives(world, execution_id) == (False, 1)
    child = f"{execution_id}.1.0"

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == child and not args[0].ended:
            world.hooks.clear()
            world.cancel(execution_id)
            world.drain()
            assert world.head(execution_id).ended

    world.hooks.append(overtaken)
    world.redrive(execution_id)
    world.run(3000, ticks=False)
    assert not world.hooks
    assert lives(world, execution_id) == (False, 2)
    world.redrive(execution_id)
    world.run(3000, ticks=False)
    assert lives(world, execution_id) == (False, 3)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_child_is_born_into_the_life_of_its_parent() -> None:
    world = World(definition(call("late"), CHILD, step("e")), OTHER)
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(error="Odd", cause="no")
    world.drain()
    world.outside.answer = lambda task: TaskResult(value=1)
    world.redrive(execution_id)
    world.drain()
    [child] = [head for name, head in world.heads().items() if name != execution_id]
    assert child.life == world.head(execution_id).life == 2


def test_end_that_waited_for_its_children_is_not_before_it_was_decided() -> None:
    """Who tells the children has a clock that is behind that of the caller who wants the end."""
    fan = side_by_side("fan", [CHILD], [call("bad")], catch=[{"errors": ["*"], "next": "w"}])
    world = World(definition(fan, wait("w", 800), step("e")), OTHER)
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(error="Odd", cause="no") if task.step == "bad" else TaskResult(1)
    decided: list[int] = []

    def ahead(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].parent and args[0].ended:
            world.hooks.clear()
            world.now_ms += 5000
            decided.append(world.now_ms)
            world.cancel(execution_id)
            world.now_ms -= 5000

    world.hooks.append(ahead)
    world.drain()
    head = world.head(execution_id)
    assert head.state == "ExecutionCancelled"
    assert [head.ended_at_ms] == decided
    assert world.now_ms < decided[0]


def test_what_one_process_has_flushed_stays_flushed_for_it_and_expires() -> None:
    world = World(definition(*(call(f"s{i}") for i in range(12)), step("e")))
    world.runtime = replace(world.runtime, flush_above_bytes=200)
    execution_id = world.start()
    chunks: list[list[int]] = []
    stamped: list[Execution] = []

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("put_chunk", "after"):
            chunks.append([event.seq for event in args[1]])
        if (name, when) == ("stamp_expiry", "after"):
            stamped.append(args[0])

    with world.hooked(watch):
        assert world.deliver(READY) is None
    head = world.head(execution_id)
    assert head.ended
    assert len(chunks) == head.chunks > 1
    assert [seq for chunk in chunks for seq in chunk] == list(range(1, head.flushed_seq + 1))
    assert [end.id for end in stamped] == [execution_id]
    assert len(world.history(execution_id)) == head.seq


def test_loser_of_a_race_makes_up_for_a_winner_who_died_before_its_chunks_could_expire() -> None:
    """Both have the same message, and this one is acknowledged: nobody comes after it."""
    world = World(definition(call("a"), call("b"), step("e")))
    world.runtime = replace(world.runtime, flush_above_bytes=10)
    execution_id = world.start()
    stamped: list[str] = []

    def overtaken(task: Task) -> TaskResult:
        if task.step == "b" and len(world.outside.calls) == 2:
            world.advance(361)
            with world.crashing("stamp_expiry", "before"):
                assert isinstance(world.deliver(), Crash)
            assert world.head(execution_id).ended
        return TaskResult(value=1)

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("stamp_expiry", "after"):
            stamped.append(args[0].id)

    world.outside.answer = overtaken
    with world.hooked(watch):
        assert world.deliver() is None
    assert world.head(execution_id).chunks > 0
    assert stamped == [execution_id]


def test_news_of_an_earlier_life_changes_nothing_once_its_parent_lives_again() -> None:
    """Its message was taken by another, who acknowledged it: nobody would repeat what is sent after a commit."""
    world = World(definition(CHILD, step("e")), definition(call("x"), id="other"))
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(error="Odd", cause="no")
    assert world.deliver() is None  # the child fails, and tells it
    received = world.receive()
    versions: list[int] = []

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == execution_id and args[0].ended:
            world.hooks.clear()
            assert world.invoke(READY, received) is None
            assert world.head(execution_id).ended
            world.redrive(execution_id)
            assert lives(world, execution_id) == (True, 2)
            versions.append(world.head(execution_id).version)

    world.hooks.append(overtaken)
    world.invoke(READY, received)
    assert [world.head(execution_id).version] == versions
    world.outside.answer = lambda task: TaskResult(value="well")
    world.run(60, ticks=False)
    assert world.head(execution_id).output == "well"


def test_child_that_still_ends_of_an_earlier_life_is_not_redriven_behind_a_later_end() -> None:
    """It has a child of its own to tell, and is slow about it: meanwhile its parent lives and ends once more."""
    grand = definition(call("y"), wait("w", 500), id="grand")
    other = definition(call("x"), step("g", "execute", definition="grand"), id="other")
    world = World(definition(CHILD, step("e")), other, grand)
    execution_id = world.start()
    child = f"{execution_id}.1.0"
    world.drain()

    def deliver_to_the_parent() -> None:
        while received := world.receive():
            mine = [message for message in received if f'"{execution_id}"' in message.body]
            if mine:
                world.invoke(READY, mine)

    world.cancel(execution_id)
    deliver_to_the_parent()
    assert world.head(execution_id).ended
    assert world.head(child).ending is not None

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == child and args[0].version == 1:
            world.hooks.clear()
            world.cancel(execution_id)
            deliver_to_the_parent()
            assert world.head(execution_id).ended
            world.advance(361)
            world.drain()
            assert world.head(child).ended

    world.hooks.append(overtaken)
    world.redrive(execution_id)
    world.run(100, ticks=False)  # not as long as it would take by itself
    assert not world.hooks
    assert {head.ended for head in world.heads().values()} == {True}


def test_child_that_was_born_after_its_end_keeps_the_history_of_that() -> None:
    other = definition(*(call(f"x{i}") for i in range(6)), wait("w", 5), id="other")
    world = World(definition(call("a"), CHILD, step("e")), other)
    world.runtime = replace(world.runtime, flush_above_bytes=50)
    execution_id = world.start()
    child = f"{execution_id}.2.0"

    def left(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id == child and args[0].visits:
            world.hooks.clear()
            world.cancel(execution_id)
            world.advance(400)
            world.drain()

    world.hooks.append(left)
    world.drain()
    world.advance(5 * 3600)
    world.redrive(execution_id)
    world.run(100, ticks=False)
    assert world.head(child).chunks > 0
    assert world.kinds(child)[:3] == ["CancelRequested", "ExecutionCancelled", "ExecutionRedriven"]


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("other", [call("child"), wait("child", 1), step("child")])
def test_step_that_does_not_execute_any_more_begins_anew(other: dict[str, Any], cancelled: bool) -> None:
    inner = wait("x", 500) if cancelled else step("x", "fail", error="Odd", cause="no")
    world = World(definition(step("child", "execute", definition="other"), step("e")), definition(inner, id="other"))
    execution_id = world.start()
    world.run(20, ticks=False)
    if cancelled:
        world.cancel(execution_id)
        world.drain()
    world.memory.put_definition("123", "d", definition(other, step("e")), world.now_ms)
    world.redrive(execution_id, 2)
    world.run(60, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert len(world.outside.calls) == (other["type"] == "http")

"""Crashes: a process may end before or after any single call to store or queue, and nothing is lost or doubled.

- crash before the commit: SQS redelivers, nothing has happened but perhaps an outside call, under the same key
- crash between commit and send: the redelivery sends (row 1), before any watchdog
- crash in the middle of inline progress: the redelivery goes on from the last commit
- if no message was lost, the watchdog was never needed: all of this without a single tick
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.protocol.world import READY, TENANT, TIMEOUT, Crash, World, call, definition, step, wait

RETRY = [{"errors": ["Http.5xx"], "maxAttempts": 4, "intervalSeconds": 2}]


def journey() -> dict[str, Any]:
    """Calls, pure steps, a choice, a wait and a loop of three rounds."""
    return definition(
        step("begin", stash={"left": [1, 2, 3]}),
        {"id": "more", "type": "choice", "choices": [{"when": "${ stash.left }", "next": "ask"}], "default": "pause"},
        call("ask", retry=RETRY),
        step("drop", stash={"left": "${ stash.left[1:] }"}, next="more"),
        wait("pause", 30),
        call("tell"),
        {"id": "done", "type": "succeed", "output": {"left": "${ stash.left }"}},
    )


def outcome(world: World, execution_id: str) -> tuple[Any, list[tuple[str, str | None, int | None]]]:
    """What is the same however often processes die: the output, and the course of the history."""
    course = [(event.type, event.step, event.visit) for event in world.history(execution_id)]
    return world.head(execution_id).output, course


@pytest.fixture(scope="module")
def calm() -> tuple[Any, list[tuple[str, str | None, int | None]]]:
    world = World(journey())
    execution_id = world.start()
    world.run(100, ticks=False)
    assert world.head(execution_id).ended
    return outcome(world, execution_id)


def test_crash_before_commit() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    with world.crashing("commit", "before"):
        assert isinstance(world.deliver(), Crash)
    assert world.head(execution_id).version == 1
    world.advance(361)
    assert world.deliver() is None
    assert world.head(execution_id).ended
    assert world.outside.calls == [f"{execution_id}//a/1"] * 2


def test_crash_between_commit_and_send() -> None:
    world = World(definition(call("a"), wait("w", 30), step("e")))
    execution_id = world.start()
    with world.crashing("commit", "after"):
        assert isinstance(world.deliver(), Crash)
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


def test_crash_in_the_middle_of_inline_progress() -> None:
    world = World(definition(call("a"), call("b"), call("c"), step("e")))
    execution_id = world.start()
    with world.crashing("commit", "after", nth=2):
        assert isinstance(world.deliver(), Crash)
    assert world.head(execution_id).step == "c"
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert [key.split("/")[-2] for key in world.outside.calls] == ["a", "b", "c"]


def test_crash_between_send_and_acknowledge() -> None:
    world = World(definition(call("a"), wait("w", 30), step("e")))
    execution_id = world.start()
    received = world.receive()
    with world.crashing("send", "after"):
        assert isinstance(world.invoke(READY, received), Crash)
    assert world.messages(TIMEOUT) == 1
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_crash_at_every_single_call(when: str, calm: Any) -> None:
    """One run for each call that a run makes; none needs the watchdog, and all end alike."""
    for nth in range(1, 200):
        world = World(journey())
        execution_id = world.start()
        left = [nth]

        def hook(name: str, moment: str, args: tuple[Any, ...], left: list[int] = left) -> None:
            if moment == when:
                left[0] -= 1
                if left[0] == 0:
                    raise Crash(name)

        with world.hooked(hook):
            world.run(3000, ticks=False)
        assert outcome(world, execution_id) == calm, f"crash {when} call {nth}"
        assert world.messages(READY) == world.messages(TIMEOUT) == 0
        if left[0] > 0:
            return
    pytest.fail("the journey makes more calls than were tried")


def test_crash_of_a_start_between_commit_and_send_is_found_by_the_watchdog() -> None:
    """An API call is redelivered by nobody: its head is due a minute after its first message should have driven it."""
    world = World(definition(call("a"), step("e")))
    with world.crashing("send", "before"), pytest.raises(Crash):
        world.start()
    [begun] = world.memory.list_executions(TENANT, 10).items
    assert begun.due_at_ms == begun.started_at_ms + 60_000
    world.run(59)
    assert not world.head(begun.id).ended
    world.run(62)
    assert world.head(begun.id).ended


def test_crash_of_the_tick_is_made_good_by_the_next() -> None:
    world = World(definition(wait("w", 3600), step("e")))
    execution_id = world.start()
    world.advance(3600)
    with world.crashing("send", "before"), pytest.raises(Crash):
        world.tick()
    world.advance(60)
    assert world.tick() == 1
    world.drain()
    assert world.head(execution_id).ended

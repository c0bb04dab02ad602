"""No execution hangs without a word.

What is needed for that, and tried here: every live head has a `due_at`, no later than 15 minutes after the next moment
that matters; the index `due` shows it in the end; a tick runs; a processor runs. Messages are not needed: all of them
may be lost, at any moment. What no code can drive ends with Sedo.ProcessingFailed, or is logged again and again.

- terminal is final: an ended head has no cursor and no `due_at`
- maxTransitions bounds what would run for ever
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.effects import TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.ports import DueEntry
from tests.unit.protocol.world import DEAD_LETTER, READY, TIMEOUT, World, call, definition, step, wait

WATCH_MS = 900_000
RETRY = [{"errors": ["Http.5xx"], "maxAttempts": 3, "intervalSeconds": 600, "maxIntervalSeconds": 3600}]


def journeys() -> dict[str, dict[str, Any]]:
    return {
        "calls": definition(call("a"), call("b", retry=RETRY), step("e")),
        "short waits": definition(wait("a", 30), wait("b", 300), step("e")),
        "long waits": definition(wait("a", 3600), wait("b", 86_400), step("e")),
        "timeouts": definition(
            wait("a", 7200, timeoutSeconds=60, catch=[{"errors": ["Task.Timeout"], "next": "b"}]),
            wait("b", 90_000),
            step("e"),
            timeoutSeconds=20_000,
        ),
        "much pure work": definition(
            step("a", stash={"left": list(range(250))}),
            {"id": "more", "type": "choice", "choices": [{"when": "${ stash.left }", "next": "drop"}], "default": "e"},
            step("drop", stash={"left": "${ stash.left[1:] }"}, next="more"),
            step("e"),
            maxTransitions=2000,
        ),
    }


def check_due(head: Execution) -> None:
    """Somebody will look: `due_at` is there, and late by at most the watchdog's 15 minutes."""
    if head.ended:
        assert head.due_at_ms is None
        assert not head.cursors
        return
    moments = [cursor.due_at_ms + (0 if cursor.in_index else WATCH_MS) for cursor in head.cursors]
    if head.deadline_at_ms is not None:
        moments.append(head.deadline_at_ms)
    assert head.due_at_ms is not None
    assert head.due_at_ms <= min(moments)


@pytest.mark.parametrize("journey", journeys())
def test_every_commit_leaves_a_due_at_that_is_never_late(journey: str) -> None:
    world = World(journeys()[journey], tick_seconds=600)

    def check(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "after"):
            check_due(args[0])

    with world.hooked(check):
        execution_id = world.start()
        world.run(2 * 86_400)
    assert world.head(execution_id).ended


def purge_all(world: World) -> None:
    for queue in (READY, TIMEOUT, DEAD_LETTER):
        world.queues.purge(queue)


@pytest.mark.parametrize("journey", journeys())
def test_all_messages_lost_after_any_commit(journey: str) -> None:
    """One run for each commit: right after it every queue is purged, and the execution ends all the same."""
    for nth in range(1, 40):
        world = World(journeys()[journey], tick_seconds=600)
        left = [nth]

        def lose(name: str, when: str, args: tuple[Any, ...], world: World = world, left: list[int] = left) -> None:
            if (name, when) == ("send", "after"):
                left[0] -= 1
                if left[0] == 0:
                    purge_all(world)

        with world.hooked(lose):
            execution_id = world.start()
            world.run(3 * 86_400)
        head = world.head(execution_id)
        assert head.ended, f"{journey}: hangs after all messages of send {nth} were lost"
        world.history(execution_id)
        if left[0] > 0:
            return


def test_every_message_but_looks_lost_for_ever() -> None:
    """The slowest way through: the queue loses all, the tick's looks alone come through for a day."""
    world = World(definition(wait("a", 3600), wait("b", 7200), step("e")))
    execution_id = world.start()
    world.run(86_400)
    assert world.head(execution_id).ended


def test_index_that_lags_is_only_late() -> None:
    world = World(definition(wait("w", 3600), step("e")))
    execution_id = world.start()
    due = world.memory.due

    def lagging(before_ms: int, limit_per_shard: int) -> list[DueEntry]:
        return [entry for entry in due(before_ms, limit_per_shard) if world.now_ms > entry.due_at_ms + 90_000]

    world.memory.due = lagging  # type: ignore[method-assign]
    world.run(2 * 3600)
    assert world.head(execution_id).ended


def test_outage_of_everything_for_an_hour_is_survived() -> None:
    world = World(definition(wait("a", 60), call("b"), wait("c", 3600), step("e")))
    execution_id = world.start()
    world.advance(3600)  # nobody polls, nobody ticks
    world.run(3 * 3600)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


def test_ticks_that_never_run_are_needed_by_long_waits_alone() -> None:
    """If no message is lost, the watchdog is never needed."""
    world = World(definition(call("a"), wait("w", 900), call("b"), step("e"), timeoutSeconds=901))
    execution_id = world.start()
    world.run(2000, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_max_transitions_ends_a_runaway() -> None:
    world = World(definition(step("a", next="b"), step("b", next="a"), maxTransitions=1234))
    execution_id = world.start()
    world.drain()
    head = world.head(execution_id)
    assert head.state == "ExecutionFailed"
    assert head.error is not None
    assert head.error["name"] == "Execution.TooManyTransitions"
    assert head.transitions == 1234


def test_max_transitions_counts_retries() -> None:
    retry = [{"errors": ["*"], "maxAttempts": 100, "intervalSeconds": 1, "backoffRate": 1}]
    world = World(definition(call("a", retry=retry), step("e"), maxTransitions=5))
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(error="Http.500", cause="no")
    world.run(60)
    assert world.head(execution_id).error == {
        "name": "Execution.TooManyTransitions",
        "cause": "5 step attempts were made, as many as maxTransitions allows",
        "step": "a",
    }
    assert len(world.outside.calls) == 5


def test_messages_in_any_order_and_twice_reach_the_same_end() -> None:
    """Every message ever sent is put on the queue again, at every step, newest first."""
    calm = World(definition(call("a"), wait("w", 30), call("b"), wait("v", 30), step("e")))
    expected = calm.start()
    calm.run(100, ticks=False)
    world = World(definition(call("a"), wait("w", 30), call("b"), wait("v", 30), step("e")))
    execution_id = world.start()
    ever: list[str] = []
    for _ in range(30):
        ever = list(dict.fromkeys([*ever, *world.queues.bodies(READY), *world.queues.bodies(TIMEOUT)]))
        for body in reversed(ever):
            world.queues.put(READY, body)
        world.run(10, ticks=False)
    assert world.kinds(execution_id) == calm.kinds(expected)
    assert world.head(execution_id).output == calm.head(expected).output
    assert len(world.outside.calls) == 2

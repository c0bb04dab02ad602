"""How a message meets its head, over all cursors:

1. cursors whose `by` is its `n`: the sends after that commit may be lost, so they are sent again: same token, new `n`,
   the delay that is left
2. cursors with its `token`: live, so they are driven
3. neither: a duplicate of something done, so it is acknowledged
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.ports import Message
from tests.unit.protocol.world import DEAD_LETTER, READY, TIMEOUT, Crash, World, call, definition, step, wait


def bodies(world: World, queue: str) -> list[dict[str, object]]:
    return [json.loads(body) for body in world.queues.bodies(queue)]


def crashed_between_commit_and_send() -> tuple[World, str]:
    """A world whose processor died after it had committed the wait and before it sent the wait's message."""
    world = World(definition(call("a"), wait("w", 600), step("e")))
    execution_id = world.start()
    with world.crashing("send", "before"):
        assert isinstance(world.deliver(), Crash)
    assert world.messages(TIMEOUT) == 0
    assert world.head(execution_id).step == "w"
    return world, execution_id


def test_row_1_sends_again_with_same_token_new_n_and_the_delay_that_is_left() -> None:
    world, execution_id = crashed_between_commit_and_send()
    [cursor] = world.head(execution_id).cursors
    [before] = bodies(world, READY)
    assert cursor.by == before["n"]
    world.advance(361)
    version = world.head(execution_id).version
    assert world.deliver() is None
    [again] = bodies(world, TIMEOUT)
    assert again["token"] == cursor.token
    assert again["n"] != before["n"]
    assert world.head(execution_id).version == version  # nothing was written
    world.advance(238)
    assert world.queues.next_moment_ms() == cursor.due_at_ms  # not 600 s after the second send
    world.run(5, ticks=False)
    assert world.head(execution_id).ended


def test_row_1_again_and_again_is_harmless() -> None:
    world, execution_id = crashed_between_commit_and_send()
    world.advance(361)
    with world.crashing("send", "after"):
        assert isinstance(world.deliver(), Crash)
    world.advance(361)
    assert world.deliver() is None
    world.run(1000)
    kinds = world.kinds(execution_id)
    assert kinds[-1] == "ExecutionSucceeded"
    assert kinds.count("StepSucceeded") == 3


def test_row_2_drives_live_cursors() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    assert world.deliver() is None
    assert world.head(execution_id).ended


def test_row_3_acknowledges_what_is_done_and_writes_nothing() -> None:
    world = World(definition(call("a"), wait("w", 60), step("e")))
    execution_id = world.start()
    [stale] = bodies(world, READY)
    world.deliver()
    version = world.head(execution_id).version
    world.send(Message(execution_id, str(stale["token"]), "another"))
    assert world.deliver() is None
    assert world.head(execution_id).version == version
    assert world.messages(READY) == 0
    assert world.messages(TIMEOUT) == 1
    assert len(world.outside.calls) == 1


def test_row_3_for_an_ended_head() -> None:
    world = World(definition(wait("w", 1), step("e")))
    execution_id = world.start()
    world.run(5)
    version = world.head(execution_id).version
    world.send(Message(execution_id, "1.1", "late"))
    assert world.deliver() is None
    assert world.head(execution_id).version == version


def test_rows_1_and_2_together() -> None:
    """A message kept its token through an inline commit, then died: its own cursor is live, and nothing is sent."""
    world = World(definition(call("a"), call("b"), wait("w", 60), step("e")))
    execution_id = world.start()
    with world.crashing("commit", "before", nth=2):
        assert isinstance(world.deliver(), Crash)
    [cursor] = world.head(execution_id).cursors
    [message] = bodies(world, READY)
    assert (cursor.by, cursor.token, cursor.step) == (message["n"], message["token"], "b")  # both rows hold
    world.advance(361)
    sent: list[int] = []
    with world.hooked(
        lambda name, when, args: sent.append(len(args[0])) if (name, when) == ("send", "after") else None
    ):
        assert world.deliver() is None
    assert sent == [1]  # the wait's message alone; the covering token was not sent a second time
    world.run(100)
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"
    assert world.outside.calls == [f"{execution_id}//a/1", f"{execution_id}//b/2", f"{execution_id}//b/2"]


def test_inline_progress_keeps_the_covering_token() -> None:
    world = World(definition(call("a"), call("b"), call("c"), step("e")))
    execution_id = world.start()
    tokens: list[str] = []

    def look(task: Task) -> TaskResult:
        tokens.append(world.head(execution_id).cursors[0].token)
        return TaskResult(value=1)

    world.outside.answer = look
    assert world.deliver() is None
    assert tokens == ["1.1", "1.1", "1.1"]
    assert world.head(execution_id).sends == 1  # that of the start


def test_hand_over_under_a_receive_count_above_one() -> None:
    """Else the receives of a long chain would add up until healthy work is dead-lettered."""
    world = World(definition(*[call(f"s{i}") for i in range(8)], step("e")))
    execution_id = world.start()
    first = world.receive()
    world.advance(361)
    second = world.receive()
    assert [message.receive_count for message in first + second] == [1, 2]
    assert world.invoke(READY, second) is None
    [fresh] = bodies(world, READY)
    assert fresh["token"] == "2.1"
    assert len(world.outside.calls) == 1
    world.drain()
    assert world.head(execution_id).ended
    assert world.messages(DEAD_LETTER) == 0


def test_chain_that_crashes_at_every_step_is_never_dead_lettered() -> None:
    world = World(definition(*[call(f"s{i}") for i in range(10)], step("e")))
    execution_id = world.start()
    for _ in range(30):
        if world.head(execution_id).ended:
            break
        with world.crashing("commit", "after"):
            received = world.receive()
            if received:
                world.invoke(READY, received)
        world.advance(361)
    assert world.head(execution_id).ended
    assert world.messages(DEAD_LETTER) == 0
    assert "StepFailed" not in world.kinds(execution_id)


def test_nonces_are_new_for_every_physical_send() -> None:
    world = World(definition(call("a"), wait("w", 800), call("b"), step("e")))
    sent: list[tuple[str, str]] = []

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "before"):
            sent.extend((outgoing.message.token, outgoing.message.n) for outgoing in args[0])

    world.hooks.append(watch)
    execution_id = world.start()
    for method in ("send", "send", "commit"):
        with world.crashing(method, "after"):
            world.run(361)
    world.run(4000)
    assert world.head(execution_id).ended
    assert len({n for _, n in sent}) == len(sent) > len({token for token, _ in sent})


def test_dead_letter_keeps_its_nonce_for_what_a_slow_process_still_commits() -> None:
    """The first delivery's process is so slow that its message has long been given another life when it commits."""
    world = World(definition(call("a"), wait("w", 900), step("e")))
    execution_id = world.start()
    [message] = bodies(world, READY)

    def slow(task: Task) -> TaskResult:
        world.queues.purge(READY)
        world.queues.put(DEAD_LETTER, json.dumps(message))
        assert world.deliver(DEAD_LETTER) is None
        return TaskResult(value=1)

    world.outside.answer = slow
    with world.crashing("send", "before", nth=2):  # the first is the dead letter's
        assert isinstance(world.deliver(), Crash)
    [revived] = bodies(world, TIMEOUT)
    assert (revived["n"], revived["lives"]) == (message["n"], 1)
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


def test_early_message_keeps_its_nonce_for_what_another_delivery_of_it_commits() -> None:
    """A processor whose clock is ahead commits and dies; another, whose clock is right, sends it again for later."""
    world = World(definition(wait("w", 60), wait("v", 900), step("e")))
    execution_id = world.start()
    [message] = bodies(world, TIMEOUT)
    world.advance(55)
    world.queues.purge(TIMEOUT)
    world.queues.put(READY, json.dumps(message))
    world.queues.put(READY, json.dumps(message))
    [first] = world.queues.receive(READY, 1)
    [second] = world.queues.receive(READY, 1)
    assert world.invoke(READY, [second]) is None  # early by 5 s
    world.advance(4)
    with world.crashing("send", "before"):
        assert isinstance(world.invoke(READY, [first]), Crash)
    world.queues.delete(world.queues.arn(READY), [first.receipt_handle])
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended

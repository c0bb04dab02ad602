"""Batches: executions side by side, finished messages deleted before the batch raises, and AWS that says «later».

- one poisonous message never repeats nine good ones
- the executions of a batch run really side by side; their sends leave in batches
- SendMessageBatch answers entry by entry: what was refused keeps its cause from being acknowledged
- throttling is waited out inside the time budget
- the delete of a message that is already gone counts as done
- messages carry the tenant as MessageGroupId
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any

from chalicelib.deliveries import BatchFailed
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.parallel import run_in_threads
from chalicelib.ports import Outgoing, Unavailable
from tests.unit.protocol.world import READY, TENANT, TIMEOUT, World, call, definition, step, unavailable, wait


def world_of_ten(**settings: Any) -> tuple[World, list[str]]:
    world = World(definition(call("a"), step("e")), **settings)
    return world, [world.start() for _ in range(10)]


def refuse_sends_of(world: World, execution_id: str, times: int = 1) -> None:
    """Let the queue refuse single entries, as SendMessageBatch may."""
    send, left = world.queues.send, [times]

    def partly(messages: Sequence[Outgoing]) -> list[Outgoing]:
        refused = [m for m in messages if m.message.execution_id == execution_id and left[0] > 0]
        left[0] -= len(refused)
        send([message for message in messages if message not in refused])
        return refused

    world.queues.send = partly  # type: ignore[method-assign]


def test_finished_messages_of_a_failing_batch_are_deleted_before_it_raises() -> None:
    world, ids = world_of_ten()
    bad = ids[3]

    def answer(task: Task) -> TaskResult:
        if task.idempotency_key.startswith(bad):
            raise RuntimeError("poison")
        return TaskResult(value=1)

    world.outside.answer = answer
    error = world.deliver()
    assert isinstance(error, BatchFailed)
    assert bad in str(error)
    assert world.messages(READY) == 1  # the poisonous one alone
    assert all(world.head(good).ended for good in ids if good != bad)
    assert not world.head(bad).ended


def test_finished_messages_are_deleted_before_and_not_after() -> None:
    world, ids = world_of_ten()
    order: list[str] = []

    def answer(task: Task) -> TaskResult:
        if task.idempotency_key.startswith(ids[0]):
            raise RuntimeError("poison")
        return TaskResult(value=1)

    world.outside.answer = answer
    with world.hooked(lambda name, when, args: order.append(f"{when} {name}")):
        assert isinstance(world.deliver(), BatchFailed)
    assert order[-1] == "after delete"


def test_failed_delete_of_the_finished_is_only_a_repeat() -> None:
    world, ids = world_of_ten()
    fails = [True]

    def answer(task: Task) -> TaskResult:
        if fails[0] and task.idempotency_key.startswith(ids[0]):
            raise RuntimeError("poison")
        return TaskResult(value=1)

    world.outside.answer = answer
    with world.hooked(unavailable("delete", times=100)):
        assert isinstance(world.deliver(), BatchFailed)
    assert world.messages(READY) == 10
    fails[0] = False
    world.run(400, ticks=False)
    assert world.messages(READY) == 0
    assert all(world.kinds(one).count("StepSucceeded") == 2 for one in ids)


def test_executions_of_a_batch_run_side_by_side() -> None:
    """All ten calls must be open at once for any of them to return."""
    world, ids = world_of_ten()
    world.runtime.run_all = run_in_threads
    barrier = threading.Barrier(10)

    def answer(task: Task) -> TaskResult:
        barrier.wait(timeout=10)
        return TaskResult(value=1)

    world.outside.answer = answer
    assert world.deliver() is None
    assert all(world.head(one).ended for one in ids)


def test_messages_leave_in_batches() -> None:
    world = World(definition(call("a"), wait("w", 60), step("e")))
    world.runtime.run_all = run_in_threads
    ids = [world.start() for _ in range(10)]
    together = threading.Barrier(10)

    def answer(task: Task) -> TaskResult:
        together.wait(timeout=10)
        return TaskResult(value=1)

    world.outside.answer = answer
    sent: list[int] = []
    with world.hooked(
        lambda name, when, args: sent.append(len(args[0])) if (name, when) == ("send", "before") else None
    ):
        assert world.deliver() is None
    assert sum(sent) == len(ids)
    assert world.messages(TIMEOUT) == 10


def test_nothing_waits_for_a_slow_call_of_another_execution() -> None:
    """The message of one execution leaves although another of its batch still waits for the outside."""
    world = World(definition(call("slow"), step("e"), id="slow"), definition(call("a"), wait("w", 60), step("e")))
    world.runtime.run_all = run_in_threads
    world.start("slow")
    world.start("d")
    arrived = threading.Event()

    def answer(task: Task) -> TaskResult:
        if task.step == "slow":
            assert arrived.wait(timeout=10), "the other execution's message was held back"
        return TaskResult(value=1)

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "after"):
            arrived.set()

    world.outside.answer = answer
    with world.hooked(watch):
        assert world.deliver() is None
    assert world.messages(TIMEOUT) == 1


def test_what_waits_for_a_fuller_batch_leaves_before_a_slow_call_begins() -> None:
    world = World(definition(call("slow"), step("e"), id="slow"), definition(call("a"), wait("w", 60), step("e")))
    world.start("d")
    world.start("slow")
    seen: list[int] = []

    def answer(task: Task) -> TaskResult:
        seen.append(world.messages(TIMEOUT))
        return TaskResult(value=1)

    world.outside.answer = answer
    assert world.deliver() is None
    assert seen == [0, 1]


def test_batch_send_with_failed_entries_keeps_their_cause_alone() -> None:
    world = World(definition(call("a"), wait("w", 600), step("e")))
    ids = [world.start() for _ in range(10)]
    refuse_sends_of(world, ids[4])
    assert isinstance(world.deliver(), BatchFailed)
    assert world.messages(READY) == 1
    assert world.messages(TIMEOUT) == 9
    world.run(1200, ticks=False)  # row 1 sends it; no watchdog
    assert all(world.head(one).ended for one in ids)


def test_outage_of_the_queue_keeps_all_causes() -> None:
    world = World(definition(call("a"), wait("w", 600), step("e")))
    ids = [world.start() for _ in range(10)]
    with world.hooked(unavailable("send", times=1000)):
        assert isinstance(world.deliver(), BatchFailed)
    assert world.messages(READY) == 10
    world.run(1200, ticks=False)
    assert all(world.head(one).ended for one in ids)
    assert len(world.outside.calls) == 10


def test_send_that_breaks_unforeseen_keeps_the_causes_of_all_whose_messages_it_took() -> None:
    """One execution's put may carry the messages of others: they must not be acknowledged either."""
    world = World(definition(call("a"), wait("w", 600), step("e")))
    ids = [world.start() for _ in range(10)]
    broken = [True]

    def breaks(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "before") and broken[0]:
            broken[0] = False
            raise ValueError("unforeseen")

    received = world.receive()
    with world.hooked(breaks), contextlib.suppress(ValueError):
        world.invoke(READY, received)
    world.run(1200, ticks=False)
    assert all(world.head(one).ended for one in ids)


def test_throttling_is_waited_out_within_the_time_budget() -> None:
    world, ids = world_of_ten()
    with world.hooked(unavailable("load", times=3)), world.hooked(unavailable("commit", times=3)):
        assert world.deliver() is None
    assert all(world.head(one).ended for one in ids)
    assert world.naps[:3] == [0.1, 0.2, 0.4]  # growing
    assert len(world.outside.calls) == 10  # no call was made twice for it


def test_throttling_beyond_the_time_budget_leaves_the_messages_to_the_queue() -> None:
    world, ids = world_of_ten(time_budget_seconds=20)
    begun = world.now_ms
    with world.hooked(unavailable("load", times=10_000)):
        assert isinstance(world.deliver(), Unavailable)
    assert world.now_ms - begun <= 20_000
    assert world.messages(READY) == 10
    world.run(400, ticks=False)
    assert all(world.head(one).ended for one in ids)


def test_spent_budget_hands_over_to_a_fresh_message() -> None:
    """A chain that takes longer than one invocation may is cut: no new call begins that could not end in time."""
    world = World(definition(*[call(f"s{i}", timeoutSeconds=10) for i in range(10)], step("e")), time_budget_seconds=45)
    execution_id = world.start()

    def slow(task: Task) -> TaskResult:
        world.advance(9)
        return TaskResult(value=1)

    world.outside.answer = slow
    invocations = 0
    while not world.head(execution_id).ended:
        begun = world.now_ms
        assert world.deliver() is None
        assert world.now_ms - begun <= 45_000
        invocations += 1
    assert invocations == 3  # four calls in each
    assert len(world.outside.calls) == 10


def test_delete_of_a_message_already_gone_counts_as_done() -> None:
    world, _ = world_of_ten()
    received = world.receive()
    handles = [message.receipt_handle for message in received]
    world.queues.delete(world.queues.arn(READY), handles)
    world.queues.delete(world.queues.arn(READY), handles)
    assert world.messages(READY) == 0


def test_messages_carry_the_tenant_as_message_group_id() -> None:
    world, _ = world_of_ten()
    assert {message.group for message in world.receive()} == {TENANT}


def test_two_messages_of_one_execution_in_one_batch() -> None:
    world = World(definition(call("a"), call("b"), step("e")))
    execution_id = world.start(name="once")
    world.start(name="once")  # sends the first message again
    assert world.messages(READY) == 2
    assert world.deliver() is None
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 2

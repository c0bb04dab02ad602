"""The in-memory queues alone: what would take minutes on a real one."""

from __future__ import annotations

from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.engine.effects import Task, TaskResult
from sedo.memory_queue import MemoryQueues, MemoryTaskRunner
from tests.contract.samples import outgoing


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def test_a_message_stays_hidden_for_the_visibility_timeout() -> None:
    clock = Clock()
    queues = MemoryQueues(clock, visibility_seconds=360)
    queues.send([outgoing("a:b:c")])
    assert len(queues.receive(READY)) == 1
    clock.now += 359_999
    assert queues.receive(READY) == []
    clock.now += 1
    assert [message.receive_count for message in queues.receive(READY)] == [2]


def test_the_next_moment_is_that_of_the_first_message_to_show() -> None:
    clock = Clock()
    queues = MemoryQueues(clock, visibility_seconds=360)
    assert queues.next_moment_ms() is None
    queues.send([outgoing("a:b:c", delay_seconds=900)])
    assert queues.next_moment_ms() == clock.now + 900_000
    queues.send([outgoing("a:b:c")])
    assert queues.next_moment_ms() == clock.now
    (received,) = queues.receive(READY)
    assert queues.next_moment_ms() == clock.now + 360_000
    queues.delete(queues.arn(READY), [received.receipt_handle])
    assert queues.next_moment_ms() == clock.now + 900_000
    queues.purge(TIMEOUT)
    assert queues.next_moment_ms() is None


def test_an_old_handle_deletes_nothing() -> None:
    clock = Clock()
    queues = MemoryQueues(clock, visibility_seconds=1)
    queues.send([outgoing("a:b:c")])
    (first,) = queues.receive(READY)
    clock.now += 1000
    (second,) = queues.receive(READY)
    queues.delete(queues.arn(READY), [first.receipt_handle])
    assert queues.count(READY) == 1
    queues.delete(queues.arn(READY), [second.receipt_handle])
    assert queues.count(READY) == 0


def test_a_dead_letter_counts_its_receives_anew_and_never_dies_again() -> None:
    clock = Clock()
    queues = MemoryQueues(clock, visibility_seconds=1, max_receive_count=1)
    queues.put(TIMEOUT, "not one of ours", delay_seconds=5)
    clock.now += 5000
    for _ in range(2):
        queues.receive(TIMEOUT)
        clock.now += 1000
    for count in range(1, 5):
        assert [message.receive_count for message in queues.receive(DEAD_LETTER)] == [count]
        clock.now += 1000
    assert queues.bodies(DEAD_LETTER) == ["not one of ours"]


def test_a_task_runner_remembers_and_answers() -> None:
    task = Task("http", "a", 1, 1, "k", 1.0, {})
    runner = MemoryTaskRunner(lambda asked: TaskResult(value=asked.step))
    assert runner.perform(task) == TaskResult(value="a")
    assert runner.calls == [task]
    assert MemoryTaskRunner().perform(task).value["status"] == 200

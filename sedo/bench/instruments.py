"""The queue and the task runner of the laboratory: the real ones, that hurry and count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.parallel import AsideInThreads, Begun, Job
from chalicelib.ports import Outgoing, Queue, TaskRunner


@dataclass
class HastyQueue:
    """The real queue, but that every delay is a second.

    `ready` messages were sent without a delay and not yet received: time stands still until they are done. Delayed ones
    are in a queue of their own.
    """

    inner: Queue
    sent: int = 0
    ready: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Begin again from nothing."""
        self.sent = self.ready = 0

    def received(self, messages: int) -> None:
        """So many fewer are ready."""
        with self.lock:
            self.ready -= messages

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Send, and count what was sent."""
        with self.lock:
            self.sent += len(messages)
            self.ready += sum(message.delay_seconds == 0 for message in messages)
        return self.inner.send([replace(m, delay_seconds=min(1, m.delay_seconds)) for m in messages])

    def backlog(self) -> int:
        """As the real one."""
        return self.inner.backlog()

    def delete(self, queue_arn: str, receipt_handles: Sequence[str]) -> None:
        """As the real one."""
        self.inner.delete(queue_arn, receipt_handles)


class CountedTasks:
    """Outside calls, counted: all, how many at once, and how often somebody waited for some that were made together."""

    def __init__(self, inner: TaskRunner) -> None:
        self._inner, self._lock, self._here = inner, threading.Lock(), threading.local()
        self._threads = AsideInThreads()
        self._under_way = 0
        self.reset()

    def reset(self) -> None:
        """Begin again from nothing."""
        self.calls = self.at_once = self.waits = 0

    def perform(self, task: Task) -> TaskResult:
        """As the real one."""
        self._here.called = True
        with self._counted():
            return self._inner.perform(task)

    def wait(self, fresh: Sequence[Begun], older: Sequence[Begun], grace_seconds: Callable[[], float]) -> None:
        """Wait for jobs, as AsideInThreads does; some may be about children, and wait for nobody outside."""
        called: list[bool] = [False]
        for begun in fresh:
            begun.job = self._watched(begun.job, called)
        self._threads.wait(fresh, older, grace_seconds)
        with self._lock:
            self.waits += any(called)

    def _watched(self, job: Job, called: list[bool]) -> Job:
        def run() -> None:
            self._here.called = False
            job()
            called.append(self._here.called)

        return run

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.calls += 1
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

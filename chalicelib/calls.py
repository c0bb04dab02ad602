"""The outside calls of one head, side by side: they wait on the network, so each has a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.children import Children, Done
from chalicelib.engine.decide import ABOUT_OTHERS
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.ports import Outgoing, Unavailable
from chalicelib.runtime import Runtime


class Calls:
    """Makes the calls of one decision; those that would not end in time are left for later."""

    def __init__(self, runtime: Runtime, children: Children, execution: Execution, until_ms: int) -> None:
        self.runtime = runtime
        self.children = children
        self.execution = execution
        self.until_ms = until_ms

    def make(self, tasks: Sequence[Task]) -> list[tuple[Task, TaskResult]]:
        """Return what the calls came to. What one of them raises is raised when all have ended.

        The first one is made in any case: its message came to have it made. One that is about another execution counts
        only when that one's messages have been sent.
        """
        found: list[Done | BaseException | None] = [None] * len(tasks)
        self.runtime.call_all([self._job(found, place, task) for place, task in enumerate(tasks)])
        raised = next((entry for entry in found if isinstance(entry, BaseException)), None)
        if raised is not None:
            raise raised
        done = [(task, entry) for task, entry in zip(tasks, found, strict=True) if isinstance(entry, Done)]
        refused = self._sent([message for _, entry in done for message in entry.messages])
        taken = [(task, entry.result) for task, entry in done if refused.isdisjoint(_nonces(entry))]
        if not taken and done:
            raise Unavailable(f"{len(refused)} messages of children were refused")
        return taken

    def _sent(self, messages: list[Outgoing]) -> set[str]:
        """Send, and return the nonces of what was refused."""
        refused = self.runtime.queue.send(messages) if messages else []
        return {message.message.n for message in refused}

    def _job(self, found: list[Done | BaseException | None], place: int, task: Task) -> Callable[[], None]:
        def job() -> None:
            if place and self.runtime.now_ms() + task.timeout_seconds * 1000 > self.until_ms:
                return
            try:
                if task.type in ABOUT_OTHERS:
                    found[place] = self.children.perform(self.execution, task)
                else:
                    found[place] = Done(self.runtime.tasks.perform(task))
            except Exception as error:  # noqa: BLE001 - raised again in `make`
                found[place] = error

        return job


def _nonces(done: Done) -> set[str]:
    return {message.message.n for message in done.messages}

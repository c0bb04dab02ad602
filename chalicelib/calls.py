"""The outside calls of one head, side by side: they wait on the network, so each has a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from chalicelib.children import Children
from chalicelib.engine.asking import ABOUT_OTHERS
from chalicelib.engine.draft import Policy
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.patience import patiently
from chalicelib.runtime import Runtime

AT_ONCE_MS = 1000
"""What begins so soon after the invocation's first call began may take as long as that one."""


@dataclass(frozen=True, slots=True)
class Made:
    """What calls came to, and what the first of those raised that must be made again."""

    found: list[tuple[Task, TaskResult]]
    error: Exception | None = None


class Calls:
    """Makes the calls of one decision; those that would not end in time are left for later.

    The first ones of an invocation are made however long they may take: their message came to have them made.
    """

    def __init__(self, runtime: Runtime, execution: Execution, until_ms: int, policy: Policy) -> None:
        self.runtime = runtime
        self.execution = execution
        self.until_ms = until_ms
        self._children = Children(runtime, policy)
        self._lock = Lock()
        self._others_left = 0
        self._unsent: Exception | None = None

    def make(self, tasks: Sequence[Task], *, first: bool) -> Made:
        """Return what the calls came to: one that raises takes nothing from the others."""
        until_ms = self.until_ms
        if first:
            longest = max(task.timeout_seconds for task in tasks)
            until_ms = max(until_ms, self.runtime.now_ms() + round(longest * 1000) + AT_ONCE_MS)
        found: list[TaskResult | Exception | None] = [None] * len(tasks)
        self._others_left = sum(task.type in ABOUT_OTHERS for task in tasks)
        self.runtime.call_all([self._job(found, place, task, until_ms) for place, task in enumerate(tasks)])
        if self._unsent is not None:  # what was to be said to children is said again
            found = [
                self._unsent if task.type in ABOUT_OTHERS else entry for task, entry in zip(tasks, found, strict=True)
            ]
        raised = next((entry for entry in found if isinstance(entry, Exception)), None)
        made = [(task, entry) for task, entry in zip(tasks, found, strict=True) if isinstance(entry, TaskResult)]
        return Made(made, raised)

    def _job(
        self, found: list[TaskResult | Exception | None], place: int, task: Task, until_ms: int
    ) -> Callable[[], None]:
        def job() -> None:
            try:
                if self.runtime.now_ms() + task.timeout_seconds * 1000 <= until_ms:
                    found[place] = self._made(task)
            except Exception as error:  # noqa: BLE001 - it is in `Made`
                found[place] = error
            if task.type in ABOUT_OTHERS:
                self._other_done()

        return job

    def _made(self, task: Task) -> TaskResult:
        if task.type not in ABOUT_OTHERS:
            return self.runtime.tasks.perform(task)
        return patiently(self.runtime, self.until_ms, lambda: self._children.perform(self.execution, task))

    def _other_done(self) -> None:
        """Send the messages of all children as soon as the last has been written, in full batches."""
        with self._lock:
            self._others_left -= 1
            if self._others_left:
                return
        try:
            patiently(self.runtime, self.until_ms, self._children.send_all)
        except Exception as error:  # noqa: BLE001 - it is in `Made`
            self._unsent = error

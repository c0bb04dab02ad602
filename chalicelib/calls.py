"""The outside calls of one head, side by side: they wait on the network, so each has a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock

from chalicelib.children import Children
from chalicelib.engine.asking import ABOUT_OTHERS
from chalicelib.engine.draft import Policy
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.parallel import Begun
from chalicelib.patience import patiently
from chalicelib.runtime import Runtime

AT_ONCE_MS = 1000
"""What begins so soon after the invocation's first call began may take as long as that one."""
GRACE_SECONDS = 1.0
"""So long, or as long again as the first one took, the others are waited for, so that one write keeps them all."""
Key = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Made:
    """What calls came to, and what the first of those raised that must be made again."""

    found: list[tuple[Task, TaskResult]]
    error: Exception | None = None


class _Call:
    """A call that was begun: what it came to, or raised; neither where no time was left for it.

    One that is withdrawn while it waits for a thread is not made.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.begun = Begun(lambda: None)
        self.found: TaskResult | Exception | None = None
        self.withdrawn = False


class Calls:
    """Makes the calls of one invocation for one execution; those that would not end in time are left for later.

    What is slower than others is not waited for: it stays open, and its result comes with those of a later round.
    """

    def __init__(self, runtime: Runtime, until_ms: int, policy: Policy) -> None:
        self.runtime = runtime
        self.until_ms = until_ms
        self.policy = policy
        self._open: dict[Key, _Call] = {}

    @property
    def open(self) -> frozenset[str]:
        """The paths of calls that were begun and whose results nobody has taken yet."""
        return frozenset(call.task.path for call in self._open.values())

    def make(self, execution: Execution, tasks: Sequence[Task], *, first: bool) -> Made:
        """Begin calls and return what those came to that have ended: one that raises takes nothing from the others.

        The first ones of an invocation are made however long they may take: their message came to have them made. What
        was begun before, and is no more among the tasks, nobody asks for any more: it is withdrawn.
        """
        until_ms = self.until_ms
        if first:
            longest = max(task.timeout_seconds for task in tasks)
            until_ms = max(until_ms, self.runtime.now_ms() + round(longest * 1000) + AT_ONCE_MS)
        wanted = {_key(task): task for task in tasks}
        self._withdraw([key for key in self._open if key not in wanted])
        older = list(self._open.values())
        fresh = {key: _Call(task) for key, task in wanted.items() if key not in self._open}
        others = _Others(self.runtime, execution, self.until_ms, self.policy, list(fresh.values()))
        for call in fresh.values():
            call.begun = Begun(partial(self._job, call, others, until_ms))
        self._open |= fresh
        self._wait(list(fresh.values()), older)
        return self._taken([self._open[key] for key in wanted])

    def withdraw(self) -> None:
        """Take no more results: what still waits for a thread is not made."""
        self._withdraw(list(self._open))

    def _withdraw(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._open.pop(key).withdrawn = True

    def _job(self, call: _Call, others: _Others, until_ms: int) -> None:
        try:
            in_time = self.runtime.now_ms() + call.task.timeout_seconds * 1000 <= until_ms
            if in_time and not call.withdrawn:
                other = call.task.type in ABOUT_OTHERS
                call.found = others.made(call.task) if other else self.runtime.tasks.perform(call.task)
        except Exception as error:  # noqa: BLE001 - it is in `Made`
            call.found = error
        if call.task.type in ABOUT_OTHERS:
            others.one_is_done()

    def _wait(self, fresh: list[_Call], older: list[_Call]) -> None:
        """Wait for one result at least, for all that is about other executions, and where one call broke for all.

        Nor does what no time was left for wait for those that are open.
        """
        since_ms = self.runtime.now_ms()

        def grace_seconds() -> float:
            return max(GRACE_SECONDS, (self.runtime.now_ms() - since_ms) / 1000)

        ended: list[_Call] = []
        while True:
            self.runtime.aside.wait([call.begun for call in fresh], [call.begun for call in older], grace_seconds)
            ended += [call for call in (*fresh, *older) if call.begun.done]
            fresh, older = ([call for call in calls if call not in ended] for calls in (fresh, older))
            broken = any(isinstance(call.found, Exception) for call in ended)
            about_others = any(call.task.type in ABOUT_OTHERS for call in fresh)
            if not (fresh or older) or (ended and not broken and not about_others):
                return

    def _taken(self, calls: Sequence[_Call]) -> Made:
        ended = [call for call in calls if call.begun.done]
        for call in ended:
            del self._open[_key(call.task)]
        raised = next((call.found for call in ended if isinstance(call.found, Exception)), None)
        return Made([(call.task, call.found) for call in ended if isinstance(call.found, TaskResult)], raised)


class _Others:
    """The calls of one round that read or write other executions: their messages leave together."""

    def __init__(
        self, runtime: Runtime, execution: Execution, until_ms: int, policy: Policy, calls: Sequence[_Call]
    ) -> None:
        self.runtime = runtime
        self.execution = execution
        self.until_ms = until_ms
        self._children = Children(runtime, policy)
        self._calls = [call for call in calls if call.task.type in ABOUT_OTHERS]
        self._left = len(self._calls)
        self._lock = Lock()

    def made(self, task: Task) -> TaskResult:
        """Return what one came to."""
        return patiently(self.runtime, self.until_ms, lambda: self._children.perform(self.execution, task))

    def one_is_done(self) -> None:
        """Send the messages of all children as soon as the last has been written, in full batches."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
        try:
            patiently(self.runtime, self.until_ms, self._children.send_all)
        except Exception as error:  # noqa: BLE001 - it is in `Made`: what was to be said to children is said again
            for call in self._calls:
                call.found = error


def _key(task: Task) -> Key:
    return (task.path, task.visit, task.attempt, task.life)

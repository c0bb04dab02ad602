"""Virtual time and the greenlets that live in it: who goes on next is decided here and by the seed alone."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process behind an invocation is gone: nothing of it runs any more."""


class Hub:
    """An agenda of moments (milliseconds); what is due at one moment comes in the order in which it was put there."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self.steps = 0
        self._until_ms = start_ms
        self._max_steps = 0
        self._agenda: list[tuple[int, int, greenlet | Callable[[], object]]] = []
        self._order = 0
        self._main = getcurrent()

    def at(self, moment_ms: int, target: greenlet | Callable[[], object]) -> None:
        """Go on with a parked greenlet, or call something, at a moment."""
        self._order += 1
        heapq.heappush(self._agenda, (moment_ms, self._order, target))

    def spawn(self, job: Callable[[], object], moment_ms: int) -> None:
        """Begin a greenlet at a moment."""
        self.at(moment_ms, greenlet(job, self._main))

    def park(self, delay_ms: int) -> None:
        """Let others go on until some time has passed; where nobody is due before, that time is simply over."""
        moment = self.now_ms + delay_ms
        agenda = self._agenda
        alone = not agenda or agenda[0][0] > moment
        if alone and delay_ms >= 0 and moment <= self._until_ms and self.steps <= self._max_steps:
            self.steps += 1
            self.now_ms = moment
            return
        self.at(moment, getcurrent())
        self._main.switch()

    def run_all(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run jobs side by side as greenlets and come back when the last has ended."""
        parent = getcurrent()
        if len(jobs) == 1 or parent is self._main:
            for job in jobs:
                job()
            return
        left = len(jobs)
        raised: list[BaseException] = []

        def child(job: Callable[[], object]) -> None:
            nonlocal left
            try:
                job()
            except (Exception, Killed) as error:  # noqa: BLE001 - as a future does: raised where the result is asked for
                raised.append(error)
            left -= 1
            if not left:
                self.at(self.now_ms, parent)

        for job in jobs:
            self.spawn(lambda job=job: child(job), self.now_ms)  # type: ignore[misc]
        self._main.switch()
        if raised:
            raise raised[0]

    def run(self, until_ms: int, max_steps: int) -> bool:
        """Go through the agenda until it is empty; False when time or steps ran out."""
        self._until_ms, self._max_steps = until_ms, max_steps
        agenda = self._agenda
        while agenda:
            moment, _, target = heapq.heappop(agenda)
            if moment > until_ms or self.steps > max_steps:
                return False
            self.steps += 1
            if moment > self.now_ms:
                self.now_ms = moment
            if isinstance(target, greenlet):
                target.switch()
            else:
                target()
        return True

"""Virtual time and the greenlets that live in it: who goes on next is decided here and by the seed alone.

Going through the agenda is no greenlet's own business: whoever must wait while others are due hands it to an idle
greenlet, or a fresh one. So a job that never has to wait for another costs no switch at all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.parallel import Begun, is_one_alone
from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process behind an invocation is gone: nothing of it runs any more."""


class _Watch:
    """One greenlet's wait for jobs, of which `needed` ones end it."""

    def __init__(self, hub: Hub, jobs: Sequence[Begun], needed: Sequence[Begun]) -> None:
        self.hub = hub
        self.all = jobs
        self.needed = needed
        self.patient = False
        self.raised: list[BaseException] = []
        self._sleeper: greenlet | None = None
        for begun in jobs:
            if not begun.done:
                hub.watched[begun] = self

    def is_over(self) -> bool:
        """Say whether there is nothing more to wait for."""
        return bool(self.raised) or all(begun.done for begun in self.needed)

    def run(self, begun: Begun) -> None:
        """Run a job, and wake up whoever waits for it then."""
        try:
            begun.run()
        except (Exception, Killed) as error:  # noqa: BLE001 - as a future does: raised where the result is asked for
            self.hub.watched[begun].raised.append(error)
        watch = self.hub.watched.pop(begun)
        if not watch.patient or watch.is_over():
            watch.wake()

    def sleep(self) -> None:
        """Let others go on until somebody wakes this one up."""
        self._sleeper = getcurrent()
        self.hub.give_way()

    def wake(self) -> None:
        """Let the sleeper go on, once."""
        if self._sleeper is not None:
            self.hub.at(self.hub.now_ms, self._sleeper)
            self._sleeper = None


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
        self._idle: list[greenlet] = []
        self.watched: dict[Begun, _Watch] = {}

    def at(self, moment_ms: int, target: greenlet | Callable[[], object]) -> None:
        """Go on with a parked greenlet, or call something, at a moment."""
        self._order += 1
        heapq.heappush(self._agenda, (moment_ms, self._order, target))

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
        self.give_way()

    def give_way(self) -> None:
        """Let another greenlet go through the agenda; comes back when this one's turn has come."""
        following = self._idle.pop() if self._idle else greenlet(self._go_through, self._main)
        following.switch()

    def run_all(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run jobs side by side and come back when the last has ended."""
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
            self.at(self.now_ms, lambda job=job: child(job))  # type: ignore[misc]
        self.give_way()
        if raised:
            raise raised[0]

    def wait(self, fresh: Sequence[Begun], older: Sequence[Begun], grace_seconds: Callable[[], float]) -> None:
        """Begin jobs and come back when they have ended, or some time after the first has: see parallel.Aside."""
        if is_one_alone(fresh, older) or getcurrent() is self._main:
            for begun in fresh:
                begun.run()
            return
        watch = _Watch(self, [*fresh, *older], list(fresh or older))
        for begun in fresh:
            if not begun.under_way:
                begun.under_way = True
                self.at(self.now_ms, partial(watch.run, begun))
        if not any(begun.done for begun in watch.all):
            watch.sleep()
        if not watch.is_over():
            self.at(self.now_ms + int(grace_seconds() * 1000), watch.wake)
            watch.patient = True
            watch.sleep()
        if watch.raised:
            raise watch.raised[0]

    def run(self, until_ms: int, max_steps: int) -> bool:
        """Go through the agenda until it is empty; False when time or steps ran out. Raises what a job raises."""
        self._until_ms, self._max_steps = until_ms, max_steps
        return bool(greenlet(self._go_through, self._main).switch())

    def _go_through(self) -> bool:
        """What greenlets do: take what is next; its end, or what it raises, reaches `run`."""
        agenda = self._agenda
        while agenda:
            moment, _, target = heapq.heappop(agenda)
            if moment > self._until_ms or self.steps > self._max_steps:
                return False
            self.steps += 1
            if moment > self.now_ms:
                self.now_ms = moment
            if isinstance(target, greenlet):
                self._idle.append(getcurrent())
                target.switch()
            else:
                target()
        return True

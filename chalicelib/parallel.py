"""Running side by side, on threads, what waits on the network: executions of a batch, outside calls of an execution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import lru_cache
from typing import Protocol

from chalicelib.ports import CALLS_AT_ONCE

Job = Callable[[], None]
RunAll = Callable[[Sequence[Job]], None]
"""Runs all jobs to their ends; a job never raises (it keeps its own outcome)."""

MAX_THREADS = 10


class Begun:
    """A job that is done by whoever waits for it first, or beside him: `under_way` from then on, and at last `done`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.future: Future[None] | None = None
        self.under_way = False
        self.done = False

    def run(self) -> None:
        """Do it here and now."""
        self.under_way = True
        try:
            self.job()
        finally:
            self.done = True


class Aside(Protocol):
    """Jobs that only wait for somebody outside, beside those who wait for them."""

    def wait(self, fresh: Sequence[Begun], older: Sequence[Begun], grace_seconds: Callable[[], float]) -> None:
        """Begin jobs, and come back when the fresh ones have ended; or some time after the first of all has.

        Where there are no fresh ones, `older` ones are waited for in their place. Raises what a job raised.
        """


def is_one_alone(fresh: Sequence[Begun], older: Sequence[Begun]) -> bool:
    """Say whether there is nothing to do but one job that nobody has begun."""
    return len(fresh) == 1 and not older and not fresh[0].under_way


class AsideInThreads:
    """Jobs on threads of their own: who waits for them takes none of these. One job alone needs none."""

    def wait(self, fresh: Sequence[Begun], older: Sequence[Begun], grace_seconds: Callable[[], float]) -> None:
        """Begin jobs, and wait for them."""
        if is_one_alone(fresh, older):
            fresh[0].run()
            return
        for begun in fresh:
            if not begun.under_way:
                begun.under_way = True
                begun.future = _pool("call", CALLS_AT_ONCE).submit(begun.run)
        new = [begun.future for begun in fresh if begun.future is not None]
        old = [begun.future for begun in older if begun.future is not None]
        ended, _ = wait(new + old, return_when=FIRST_COMPLETED)
        late, _ = wait(new or old, timeout=grace_seconds())
        for future in ended | late:
            future.result()


def run_in_threads(jobs: Sequence[Job]) -> None:
    """Run jobs on this process's threads; one job alone needs none."""
    if len(jobs) == 1:
        jobs[0]()
        return
    for future in [_pool("execution", MAX_THREADS * 4).submit(job) for job in jobs]:
        future.result()


@lru_cache(maxsize=2)
def _pool(name: str, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=name)

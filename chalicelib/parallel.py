"""Running the executions of one batch side by side: they wait on the network, so threads do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

Job = Callable[[], None]
RunAll = Callable[[Sequence[Job]], None]
"""Runs all jobs to their ends; a job never raises (it keeps its own outcome)."""

MAX_THREADS = 10
MAX_CALLS = 100
"""So many outside calls are made at a time by one process."""


def run_in_threads(jobs: Sequence[Job]) -> None:
    """Run jobs on this process's threads; one job alone needs none."""
    _run(jobs, "execution", MAX_THREADS * 4)


def call_in_threads(jobs: Sequence[Job]) -> None:
    """Run jobs that only wait for somebody outside, on threads of their own: who waits for them takes none of these."""
    _run(jobs, "call", MAX_CALLS)


def _run(jobs: Sequence[Job], name: str, threads: int) -> None:
    if len(jobs) == 1:
        jobs[0]()
        return
    for future in [_pool(name, threads).submit(job) for job in jobs]:
        future.result()


@lru_cache(maxsize=2)
def _pool(name: str, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=name)

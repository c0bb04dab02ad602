"""Running the executions of one batch side by side: they wait on the network, so threads do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

Job = Callable[[], None]
RunAll = Callable[[Sequence[Job]], None]
"""Runs all jobs to their ends; a job never raises (it keeps its own outcome)."""

MAX_THREADS = 10


def run_in_threads(jobs: Sequence[Job]) -> None:
    """Run jobs on this process's threads; one job alone needs none."""
    if len(jobs) == 1:
        jobs[0]()
        return
    for future in [_pool().submit(job) for job in jobs]:
        future.result()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS * 4, thread_name_prefix="execution")

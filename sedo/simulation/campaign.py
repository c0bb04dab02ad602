"""Many seeds: run, counted, and on as many processes as are wanted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from sedo.simulation.plan import Options
from sedo.simulation.run import simulate

CHUNK = 50


@dataclass
class Totals:
    """What a campaign came to; `violations` are (seed, text), `cpu_seconds` those of all its processes together."""

    seeds: int = 0
    executions: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    commits: int = 0
    messages: int = 0
    invocations: int = 0
    outside_calls: int = 0
    looks_that_replaced: int = 0
    states: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        """Take in what another part of the campaign came to."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.states.update(other.states)
        self.faults.update(other.faults)
        self.violations += other.violations

    def document(self) -> dict[str, object]:
        """Return the figures as JSON-able data."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return found | {
            "cpu_seconds": round(self.cpu_seconds, 3),
            "states": dict(self.states),
            "faults": dict(self.faults),
            "executions_per_s": self._per(self.seconds),
            "executions_per_cpu_s": self._per(self.cpu_seconds),
        }

    def _per(self, seconds: float) -> float:
        return round(self.executions / seconds, 1) if seconds else 0.0


_NUMBERS = (
    "seeds",
    "executions",
    "cpu_seconds",
    "commits",
    "messages",
    "invocations",
    "outside_calls",
    "looks_that_replaced",
)


def run_chunk(seeds: Iterable[int], options: Options) -> Totals:
    """Run some seeds in this process."""
    totals = Totals()
    begun = time.process_time()
    for seed in seeds:
        result = simulate(seed, options)
        counts = result.counts
        totals.seeds += 1
        totals.executions += result.executions
        totals.commits += counts.commits
        totals.messages += counts.messages
        totals.invocations += counts.invocations
        totals.outside_calls += counts.calls
        totals.looks_that_replaced += counts.looks_that_replaced
        totals.states.update(result.states)
        totals.faults.update(fault.kind for fault in result.faults)
        if result.violation is not None:
            totals.violations.append((seed, str(result.violation)))
    totals.cpu_seconds = time.process_time() - begun
    return totals


def run_campaign(
    seeds: Iterable[int], options: Options, jobs: int = 1, executions: int | None = None, seconds: float | None = None
) -> Totals:
    """Run seeds until there are no more, or enough executions were simulated, or the time is up."""
    totals = Totals()
    begun = time.monotonic()
    for part in _parts(iter(seeds), options, jobs):
        totals.add(part)
        totals.seconds = round(time.monotonic() - begun, 3)
        if executions is not None and totals.executions >= executions:
            break
        if (seconds is not None and totals.seconds >= seconds) or len(totals.violations) >= 20:
            break
    return totals


def _parts(seeds: Iterator[int], options: Options, jobs: int) -> Iterator[Totals]:
    if jobs <= 1:
        while chunk := list(islice(seeds, CHUNK)):
            yield run_chunk(chunk, options)
        return
    with ProcessPoolExecutor(jobs) as pool:
        while chunks := [chunk for _ in range(jobs * 4) if (chunk := list(islice(seeds, CHUNK)))]:
            yield from pool.map(partial(run_chunk, options=options), chunks)

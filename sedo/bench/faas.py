"""The experiments of "Comparison of FaaS Orchestration Systems" (arXiv 1807.11248), on emulators.

`n` functions sleep, one after the other (*sequence*) or side by side (*parallel*). Overhead is what an execution takes
beyond that sleep, from our call to start it to its end by the engine's own clock. One execution runs at a time; a
parallel one several times, a sequence once, for it sums up `n` overheads.

sedo calls a local server that sleeps (`call`), and waits by itself (`wait`). The emulators' own Step Functions have no
task in common that runs without containers, so that they wait by themselves (`Wait` states): nothing is called, and a
comparison of `call` with them is in their favour.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from sandbox import net
from sedo.bench import sleepers
from sedo.bench.client import Client
from sedo.bench.engines import Engine, Sedo, StepFunctions
from sedo.bench.stage import echo_server, up

WARM_UP = 5
POLL_SECONDS = 0.1
SPARE_SECONDS = 300.0
"""So much overhead is waited for before a run counts as stuck."""


@dataclass(frozen=True, slots=True)
class Row:
    """The median of some runs; `at_once` is how many calls were under way at the same time at most."""

    engine: str
    emulator: str
    work: str
    shape: str
    n: int
    sleep_s: int
    runs: int
    elapsed_ms: float
    overhead_ms: float
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    emulators: tuple[str, ...]
    works: tuple[str, ...]
    shapes: tuple[str, ...]
    numbers: tuple[int, ...]
    sleep_seconds: int
    runs: int
    workers: int


def run(plan: Plan, say: Callable[[str], None]) -> list[Row]:
    """Measure all that the plan names, saying each row as it is found."""
    rows: list[Row] = []
    with ExitStack() as stack:
        url = stack.enter_context(echo_server())
        for emulator in plan.emulators:
            for row in _on_emulator(plan, emulator, url):
                rows.append(row)
                say(_line(row))
    return rows


def _on_emulator(plan: Plan, emulator: str, url: str) -> Iterator[Row]:
    with up(emulator, plan.workers) as stage:
        client = Client(stage.api_url, 1)
        ours = Sedo(client)
        for work in plan.works:
            yield from _rows(plan, _Contender(ours, emulator, work, _poster(plan, ours, work, url)), url)
        client.close()
        stage.end_code()
        client = Client(stage.emulator.url, 1)
        theirs = StepFunctions(client)
        yield from _rows(plan, _Contender(theirs, emulator, "wait", _creator(plan, theirs)), url)
        client.close()


Prepare = Callable[[str, int], str]
"""Makes the workflow of a shape and a number known; returns what the engine starts."""


@dataclass(frozen=True, slots=True)
class _Contender:
    engine: Engine
    emulator: str
    work: str
    prepare: Prepare


def _poster(plan: Plan, engine: Sedo, work: str, url: str) -> Prepare:
    return lambda shape, n: engine.post(sleepers.definition(shape, work, n, plan.sleep_seconds, url))


def _creator(plan: Plan, engine: StepFunctions) -> Prepare:
    return lambda shape, n: engine.create(f"{shape}-{n}", sleepers.state_machine(shape, n, plan.sleep_seconds))


def _rows(plan: Plan, who: _Contender, url: str) -> Iterator[Row]:
    """Every number in every shape, after one run that is not counted."""
    _elapsed(who.engine, who.prepare("parallel", WARM_UP), plan.sleep_seconds)
    for shape in plan.shapes:
        for n in plan.numbers:
            workflow = who.prepare(shape, n)
            slept = sleepers.slept_seconds(shape, n, plan.sleep_seconds)
            net.fetch(f"{url}most")
            runs = plan.runs if shape == "parallel" else 1
            took = [_elapsed(who.engine, workflow, slept) for _ in range(runs)]
            at_once = int(net.fetch(f"{url}most") or 0) if who.work == "call" else None
            yield row(who.engine.name, who.emulator, who.work, shape, n, plan.sleep_seconds, took, at_once)


def row(
    engine: str,
    emulator: str,
    work: str,
    shape: str,
    n: int,
    sleep_seconds: int,
    took: Sequence[float],
    at_once: int | None,
) -> Row:
    """Return the row of runs that took so many seconds each."""
    elapsed = statistics.median(took)
    overhead = elapsed - sleepers.slept_seconds(shape, n, sleep_seconds)
    ms = round(elapsed * 1000, 1), round(overhead * 1000, 1)
    return Row(engine, emulator, work, shape, n, sleep_seconds, len(took), *ms, at_once)


def _elapsed(engine: Engine, workflow: str, slept_seconds: float) -> float:
    """Run one execution; return the seconds from the call that starts it to its end."""
    began = time.time()
    execution_id = engine.start(workflow)
    returned = time.time()
    while (ended := engine.ended_at(execution_id)) is None:
        if time.time() > began + slept_seconds + SPARE_SECONDS:
            raise TimeoutError(f"{execution_id} has not ended {SPARE_SECONDS:.0f} s after its functions could have")
        time.sleep(POLL_SECONDS)
    return max(ended, returned) - began


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Return sedo's overhead over that of Step Functions: `emulator.work.shape.n`; below 1 sedo has less."""
    theirs = {(row.emulator, row.shape, row.n): row for row in rows if row.engine != "sedo"}
    found: dict[str, float] = {}
    for own in (row for row in rows if row.engine == "sedo"):
        other = theirs.get((own.emulator, own.shape, own.n))
        if other is not None and other.overhead_ms > 0:
            found[f"{own.emulator}.{own.work}.{own.shape}.{own.n}"] = round(own.overhead_ms / other.overhead_ms, 2)
    return found


def document(rows: Sequence[Row]) -> dict[str, object]:
    """Return `{"rows": […], "ratios": {…}}`."""
    return {"rows": [asdict(row) for row in rows], "ratios": ratios(rows)}


def table(rows: Sequence[Row]) -> str:
    """Return all rows and ratios as text."""
    lines = [HEAD, *map(_line, rows), "", "overhead of sedo over Step Functions' (below 1: sedo has less):"]
    return "\n".join(lines + [f"  {name:36} {ratio:8.2f} x" for name, ratio in ratios(rows).items()])


HEAD = (
    f"{'engine':16}{'emulator':12}{'work':6}{'shape':10}{'n':>4}{'sleep s':>9}{'runs':>6}"
    f"{'elapsed ms':>12}{'overhead ms':>13}{'each ms':>9}{'at once':>9}"
)


def _line(row: Row) -> str:
    at_once = "-" if row.at_once is None else str(row.at_once)
    return (
        f"{row.engine:16}{row.emulator:12}{row.work:6}{row.shape:10}{row.n:>4}{row.sleep_s:>9}{row.runs:>6}"
        f"{row.elapsed_ms:>12}{row.overhead_ms:>13}{row.overhead_ms / row.n:>9.1f}{at_once:>9}"
    )

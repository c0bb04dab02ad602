"""Engines side by side, in one go on one machine: executions/s, and p50 and p99 from start to end.

An end counts from the engine's own clock, but no earlier than the answer to the start. Asking for ends begins when all
are started, and with the last one, so that it takes next to nothing from the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from sedo.bench import peers
from sedo.bench.client import Client
from sedo.bench.engines import Engine, Sedo, StepFunctions
from sedo.bench.stage import Stage, echo_server, up

WARM_UP = 20
POLL_SECONDS = 0.1
WITHIN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; `requests` are those to AWS: of API and workers, polls included, our asking not."""

    engine: str
    emulator: str | None
    mode: str
    steps: int
    executions: int
    per_s: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    emulators: tuple[str, ...]
    modes: tuple[str, ...]
    steps: tuple[int, ...]
    executions: int
    connections: int
    workers: int
    peers: tuple[tuple[str, str], ...] = ()


def compare(plan: Plan, say: Callable[[str], None]) -> list[Row]:
    """Measure all that the plan names, saying each row as it is found."""
    rows: list[Row] = []
    with ExitStack() as stack:
        echo_url = stack.enter_context(echo_server())
        for emulator in plan.emulators:
            for row in _on_emulator(plan, emulator, echo_url, say):
                rows.append(row)
                say(_line(row))
        for name, command in plan.peers:
            for mode in plan.modes:
                for steps in plan.steps:
                    row = Row(name, None, mode, steps, **peers.run(command, mode, steps, plan.executions, echo_url))
                    rows.append(row)
                    say(_line(row))
    return rows


def _on_emulator(plan: Plan, emulator: str, echo_url: str, say: Callable[[str], None]) -> Iterator[Row]:
    with up(emulator, plan.workers) as stage:
        client = Client(stage.api_url, plan.connections)
        before = stage.resident_megabytes()
        yield from _engine(plan, Sedo(client), client, stage, echo_url)
        say(f"resident MB before and after: {before}, {stage.resident_megabytes()}")
        client.close()
        stage.end_code()
        client = Client(stage.emulator.url, plan.connections)
        yield from _engine(plan, StepFunctions(client), client, stage, echo_url)
        client.close()


def _engine(plan: Plan, engine: Engine, client: Client, stage: Stage, echo_url: str) -> Iterator[Row]:
    for mode in plan.modes:
        for steps in plan.steps:
            if mode in engine.modes:
                yield measure(plan, engine, client, stage, (mode, steps, echo_url))


def measure(plan: Plan, engine: Engine, client: Client, stage: Stage, what: tuple[str, int, str]) -> Row:
    """Run one chain `plan.executions` times, after a warm-up."""
    mode, steps, _ = what
    workflow = engine.prepare(*what)
    _finish(engine, [execution_id for execution_id, _, _ in _start_all(engine, client, workflow, WARM_UP)])
    before = stage.requests()
    begun = _start_all(engine, client, workflow, plan.executions)
    ends, asked = _finish(engine, [execution_id for execution_id, _, _ in begun])
    requests = stage.requests() - before - asked
    ended = [max(end, returned) for end, (_, _, returned) in zip(ends, begun, strict=True)]
    took = sorted((end - began) * 1000 for end, (_, began, _) in zip(ended, begun, strict=True))
    wall = max(ended) - min(began for _, began, _ in begun)
    return Row(
        engine.name,
        stage.emulator.name,
        mode,
        steps,
        len(begun),
        round(len(begun) / wall, 1),
        round(_quantile(took, 0.5), 1),
        round(_quantile(took, 0.99), 1),
        requests if engine.name == "sedo" else None,
    )


def _start_all(engine: Engine, client: Client, workflow: str, count: int) -> list[tuple[str, float, float]]:
    def start(_: int) -> tuple[str, float, float]:
        began = time.time()
        execution_id = engine.start(workflow)
        return execution_id, began, time.time()

    return client.each(start, range(count))


def _finish(engine: Engine, execution_ids: Sequence[str]) -> tuple[list[float], int]:
    """Wait for the last one first; then nearly all others have ended too.

    Returns the ends in the order of starts, and how often was asked: each time is one request of ours to AWS.
    """
    deadline = time.monotonic() + WITHIN_SECONDS
    ends: list[float] = []
    asked = len(execution_ids)
    for execution_id in reversed(execution_ids):
        while (ended := engine.ended_at(execution_id)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{execution_id} has not ended within {WITHIN_SECONDS:.0f} s")
            asked += 1
            time.sleep(POLL_SECONDS)
        ends.append(ended)
    return ends[::-1], asked


def _quantile(values: Sequence[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Return how often faster sedo is: `over.emulator.mode.steps` for each row that has a counterpart.

    Peers are compared with sedo on the first emulator that was measured.
    """
    ours = {(row.emulator, row.mode, row.steps): row for row in rows if row.engine == "sedo"}
    first = next((row.emulator for row in rows if row.engine == "sedo"), None)
    found: dict[str, float] = {}
    for row in rows:
        own = ours.get((row.emulator or first, row.mode, row.steps))
        if row.engine != "sedo" and own is not None and row.per_s:
            found[f"{row.engine}.{own.emulator}.{row.mode}.{row.steps}"] = round(own.per_s / row.per_s, 2)
    return found


def document(rows: Sequence[Row]) -> dict[str, object]:
    """Return `{"rows": […], "ratios": {…}}`."""
    return {"rows": [asdict(row) for row in rows], "ratios": ratios(rows)}


def table(rows: Sequence[Row]) -> str:
    """Return all rows and ratios as text."""
    lines = [HEAD, *map(_line, rows), "", "sedo is faster by (executions/s):"]
    return "\n".join(lines + [f"  {name:44} {ratio:8.2f} x" for name, ratio in ratios(rows).items()])


HEAD = (
    f"{'engine':16}{'emulator':12}{'mode':8}{'steps':>6}{'runs':>6}{'per s':>9}"
    f"{'p50 ms':>10}{'p99 ms':>10}{'requests':>10}"
)


def _line(row: Row) -> str:
    def shown(value: float | None, width: int) -> str:
        return f"{'-' if value is None else value:>{width}}"

    return (
        f"{row.engine:16}{row.emulator or '-':12}{row.mode:8}{row.steps:>6}{row.executions:>6}{row.per_s:>9}"
        f"{shown(row.p50_ms, 10)}{shown(row.p99_ms, 10)}{shown(row.requests, 10)}"
    )

"""One run in the simulation's world: how it ended, which way it took, what it cost, and whom it called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.codec import encode_events, encode_head
from chalicelib.api.cost import index_writes
from chalicelib.engine import values
from chalicelib.engine.effects import Task
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType
from sedo.bench.bill import Run as ElsewhereRun
from sedo.bench.bill import bill
from sedo.bench.sizes import WRITE_UNIT_BYTES, write_units
from sedo.testing.cases import Stopped
from sedo.testing.judge import seconds_of
from sedo.testing.play import way_of
from sedo.testing.script import Attempt, Script
from sedo.testing.stage import Stage
from sedo.testing.trail import visits_in, written
from sedo.verify.faults import OneFault, Planned
from sedo.verify.scenarios import Scenario

READS = ("load", "load_chunks", "get_definition")
TIMEOUTS = frozenset({"Task.Timeout", "Task.HeartbeatTimeout", "Execution.Timeout"})


@dataclass
class Done:
    """What a run came to. `ending` is what must be the same in every run; `stopped` says why there is none."""

    ending: dict[str, Any]
    sites: list[str]
    struck: bool
    calls: list[tuple[Attempt, Task]]
    timeouts: int
    stopped: Stopped | None = None
    visits: int = 0
    seconds: float = 0.0
    bill: Mapping[str, float | None] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    input: Any = None

    def same(self, other: Done) -> bool:
        """Say whether two runs ended alike."""
        return values.equal(self.ending, other.ending)


def run(scenario: Scenario, planned: Planned | None = None, *, trace: bool = False, priced: bool = False) -> Done:
    """Run a scenario with a fault, or undisturbed."""
    faults = OneFault(planned)
    script = Script(scenario.case.mocks)
    stage = Stage(scenario.library, scenario.case, script, faults, trace=trace)
    units = _count_writes(stage) if priced else Counter()
    stopped: Stopped | None = None
    ending: dict[str, Any]
    head: Execution | None = None
    try:
        head = stage.play()
        way = way_of(stage)
        ending = {
            "state": head.state.value,
            "output": head.output,
            "error": head.error,
            "stash": head.stash,
            "path": written(way),
        }
    except Stopped as error:
        stopped, ending, way = error, {"stopped": error.message}, []
    done = Done(ending, faults.sites, bool(faults.fired), stage.requests, _timeouts(stage), stopped)
    done.story = stage.world.story or []
    if head is not None and priced:
        done.visits, done.seconds = visits_in(way), seconds_of(head)
        states = sum(found.transitions for found in stage.world.current.values())
        done.bill = bill(_counts(stage, units), ElsewhereRun(states, done.seconds))
    vars(stage.world).clear()  # everything knows the world: without it all is gone at once
    return done


def _timeouts(stage: Stage) -> int:
    """Return how many timeouts there were in the run."""
    found = 0
    for record in stage.world.records.values():
        for event in record.log:
            error = event.details.get("error")
            name = error.get("name") if isinstance(error, dict) else None
            found += event.type == EventType.EXECUTION_TIMED_OUT or name in TIMEOUTS
    return found


def _count_writes(stage: Stage) -> Counter[str]:
    units: Counter[str] = Counter()
    see = stage.after_commit

    def counting(head: Execution) -> None:
        units["head"] += write_units(encode_head(head, "0" * 16, 4))
        see(head)

    stage.world.after_commit = counting
    return units


def _counts(stage: Stage, units: Counter[str]) -> dict[str, Any]:
    """Return the counts of a run as the benchmark counts them; ticks and API calls' gateways are left out."""
    world, sites = stage.world, Counter(site.removeprefix("api ") for site in stage.world.faults.sites)  # type: ignore[attr-defined]
    chunks = sum(
        -(-len(encode_events(name, events)) // WRITE_UNIT_BYTES)
        for name, kept in world.chunks.items()
        for events in kept.values()
    )
    reads = sum(sites[site] for site in READS)
    writes = sites["commit"] + sites["put_chunk"]
    indexes = sum(index_writes(head) for head in world.current.values())
    return {
        "dynamodb_requests": {"reads": reads, "writes": writes},
        "send_requests": sites["send"],
        "sqs_requests": sites["send"] + 2 * sites["deliver"],
        "invocations": world.counts.invocations + stage.asked,
        "calls": world.counts.calls,
        "waits_for_calls": world.counts.calls,  # at most: calls side by side wait once
        "write_units": units["head"] + chunks + indexes,
        "read_units": float(reads),
    }

"""Every invariant holds under every kind of fault, and a seed is all that a run depends on.

SEDO_SIMULATION_SEEDS says how many seeds are run; CI runs 20,000 in all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.engine import evaluation, fanout, walk
from sedo.simulation.campaign import run_chunk
from sedo.simulation.checks import Violation
from sedo.simulation.faults import KINDS
from sedo.simulation.hub import Hub
from sedo.simulation.plan import Options, make_plan
from sedo.simulation.run import Run, simulate
from sedo.simulation.shrink import shrink, story
from tests.simulation.mutations import acknowledge_early

ROOT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("SEDO_SIMULATION_SEEDS", "400"))
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds(part: int) -> None:
    # Most faults need no crowd: one part runs as many executions side by side as its seeds choose, the others two.
    totals = run_chunk(range(part, SEEDS, PARTS), Options(executions=None if part == 0 else 2))

    assert totals.violations == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_alone(kind: str) -> None:
    totals = run_chunk(range(max(4, SEEDS // 200)), Options(kinds=(kind,)))

    assert totals.violations == []
    assert kind == "skew" or totals.faults[kind] > 0


def test_nothing_is_disturbed_without_faults() -> None:
    totals = run_chunk(range(max(10, SEEDS // 100)), Options(kinds=()))

    assert totals.violations == []
    assert not totals.faults


def test_a_seed_is_one_run() -> None:
    for seed in range(20):
        assert simulate(seed, Options(trace=True)).story == simulate(seed, Options(trace=True)).story


def test_a_seed_is_the_same_run_in_another_process() -> None:
    command = [sys.executable, "-m", "sedo.simulation", "--seed", "11", "--trace"]
    stories = {
        subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    }

    assert len(stories) == 1


def test_small_bounds_are_those_of_one_run_only() -> None:
    def found() -> tuple[int, int, int, int]:
        return fanout.WIDTH, evaluation.ENOUGH_WORK, walk.MAX_STEPS, walk.MAX_EVENT_BYTES

    before = found()
    for seed in range(20):
        simulate(seed)
    plans = [make_plan(seed, Options()) for seed in range(200)]

    assert found() == before
    assert any(plan.bounds.enough_work == 0 for plan in plans)
    assert any(plan.bounds.max_steps == 1 for plan in plans)
    assert sum(plan.bounds.hold_up for plan in plans) < 100


def test_a_violation_is_shrunk_to_a_story_that_can_be_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledge_early(monkeypatch)
    seed = next(seed for seed in range(100) if simulate(seed).violation)

    shrunk = shrink(seed, Options())
    text = story(shrunk)

    assert simulate(shrunk.result.seed, shrunk.options).violation is not None
    assert "VIOLATION driver" in text
    assert f"--seed {shrunk.result.seed}" in text
    assert len(shrunk.result.faults) <= 1
    assert len(shrunk.result.story) <= 40


def test_figures_are_printed_as_json() -> None:
    command = [sys.executable, "-m", "sedo.simulation", "--seeds", "0..20", "--json"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    assert found["seeds"] == 20
    assert found["executions"] > 20
    assert found["executions_per_cpu_s"] > 0
    assert found["violations"] == []


def test_greenlets_go_on_in_the_order_of_their_moments() -> None:
    hub = Hub(0)
    seen: list[str] = []

    def job(name: str, pause: int) -> None:
        hub.park(pause)
        seen.append(f"{name}@{hub.now_ms}")

    hub.at(5, lambda: hub.run_all([lambda: job("a", 20), lambda: job("b", 10)]))

    assert hub.run(1000, 100)
    assert seen == ["b@15", "a@25"]


def test_whoever_is_due_first_goes_on_while_another_waits() -> None:
    hub = Hub(0)
    seen: list[str] = []

    def job(name: str, pauses: tuple[int, ...]) -> None:
        for pause in pauses:
            hub.park(pause)
            seen.append(f"{name}@{hub.now_ms}")

    hub.at(0, lambda: job("a", (10, 1, 30)))
    hub.at(5, lambda: job("b", (5, 4, 1)))
    hub.at(20, lambda: seen.append(f"call@{hub.now_ms}"))

    assert hub.run(1000, 100)
    assert seen == ["a@10", "b@10", "a@11", "b@14", "b@15", "call@20", "a@41"]


def test_nobody_goes_on_beyond_the_end_of_time_or_of_steps() -> None:
    seen: list[int] = []

    def job(hub: Hub) -> None:
        while True:
            hub.park(10)
            seen.append(hub.now_ms)

    for until_ms, max_steps in ((35, 1000), (1000, 3)):
        hub = Hub(0)
        hub.at(0, lambda hub=hub: job(hub))  # type: ignore[misc]
        assert not hub.run(until_ms, max_steps)

    assert seen == [10, 20, 30, 10, 20, 30]


def test_what_a_job_raises_comes_out_of_the_hub_whoever_waits() -> None:
    hub = Hub(0)

    def broken() -> None:
        hub.park(10)
        raise Violation("driver", "broken")

    hub.at(0, lambda: hub.park(100))
    hub.at(1, broken)

    with pytest.raises(Violation, match="broken"):
        hub.run(1000, 100)


def test_loads_share_nothing_but_events() -> None:
    run = Run(1, Options(kinds=()))
    run.simulate()

    for stored in run.world.heads.values():
        one, other = run.world.thaw(stored), run.world.thaw(stored)
        assert one == other
        assert one.events is other.events
        assert one.input is not other.input
        assert one.stash is not other.stash

"""What a seed chooses before a run begins: definition, settings, kinds of faults and how often they strike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from chalicelib.settings import Settings

from sedo.simulation.bounds import Bounds, make_bounds
from sedo.simulation.faults import KINDS
from sedo.simulation.invocations import FOREVER
from sedo.simulation.scenarios import CHAINS, Scenario, scenario
from sedo.simulation.trees import DIFFERENT, TREES, TreeScenario, tree

SCENARIOS = 6000
TREES_SHARE = 0.4
"""So many of all runs are of definitions that branch."""
SCHEDULED_SHARE = 0.15
"""So many of all runs have a schedule beside what callers start."""
PERIODS = (60, 60, 300, 900, 3600)
WORST_TOGETHER = (
    ("duplicate", "crash"),
    ("duplicate", "crash_at_send", "crash_after"),
    ("duplicate", "slow", "crash_at_send"),
    ("skew", "duplicate", "crash_at_send"),
    ("skew", "early", "slow"),
    ("slow", "crash_after"),
    ("crash", "crash_after"),
    ("answer_lost", "duplicate", "unavailable"),
    ("half_sent", "duplicate", "not_deleted"),
    ("stale", "busy", "crash"),
    ("busy",),
    ("outage", "crash", "late"),
)


@dataclass(frozen=True)
class Options:
    """What is fixed from outside; None leaves it to the seed. `dropped` faults do not strike.

    `scheduled` gives every run a schedule.
    """

    executions: int | None = None
    kinds: tuple[str, ...] | None = None
    scenario: int | None = None
    dropped: Collection[int] = ()
    trace: bool = False
    scheduled: bool = False


@dataclass
class Plan:
    """What the seed has chosen."""

    scenario: Scenario
    settings: Settings
    visibility_ms: int
    limit_ms: int
    executions: int
    budgets: dict[str, int]
    rate: float
    skews_ms: tuple[int, ...]
    cached: bool
    bounds: Bounds
    every_seconds: int | None = None
    ticks: int = 0


def make_plan(seed: int, options: Options) -> Plan:
    """Choose everything that is fixed for a run."""
    draw = Random(f"plan {seed}")
    kinds = _kinds(draw, options)
    chain = len(kinds) <= 3 and draw.random() < 0.5
    number = draw.randrange(CHAINS if chain else SCENARIOS)
    if draw.random() < TREES_SHARE:
        number = TREES + draw.randrange(DIFFERENT)
    number = number if options.scenario is None else options.scenario
    most = 12 if len(kinds) <= 3 else 3
    budgets = {kind: draw.randint(1, most) for kind in kinds}
    lives = draw.choice(((), (1,), (1, 2), (60, 120, 240, 480)))
    chosen = tree(number) if number >= TREES else scenario(number)
    skews = tuple(draw.randint(-9000, 9000) for _ in range(4)) if "skew" in budgets else (0,)
    return Plan(
        scenario=chosen,
        settings=Settings(
            max_receive_count=draw.choice((1, 2, 4, 4)),
            lives_delays_seconds=lives,
            time_budget_seconds=draw.choice((45.0, 45.0, 3.0)),
        ),
        visibility_ms=draw.choice((30_000, 360_000)),
        limit_ms=draw.choice((FOREVER, 70_000)),
        executions=options.executions or draw.choice((1, 2, 4, 8, 16, 24)),
        budgets=budgets,
        rate=draw.choice((0.01, 0.03, 0.1, 0.2) if most > 3 else (0.003, 0.01, 0.03, 0.1)),
        skews_ms=skews,
        cached=draw.random() < 0.9,
        bounds=make_bounds(seed, chosen.width if isinstance(chosen, TreeScenario) else None),
        every_seconds=draw.choice(PERIODS) if draw.random() < SCHEDULED_SHARE or options.scheduled else None,
        ticks=draw.randint(1, 5),
    )


def _kinds(draw: Random, options: Options) -> list[str]:
    """Choose no kind, one, a few that are worst together, or many."""
    allowed = list(KINDS if options.kinds is None else options.kinds)
    luck = draw.random()
    if options.kinds is not None and luck < 0.7:
        return allowed
    if luck < 0.1 and options.kinds is None:
        return []
    if luck < 0.4:
        return [kind for kind in draw.choice(WORST_TOGETHER) if kind in allowed]
    if luck < 0.6:
        return draw.sample(allowed, min(len(allowed), draw.choice((1, 2, 3))))
    return [kind for kind in allowed if draw.random() < 0.5]

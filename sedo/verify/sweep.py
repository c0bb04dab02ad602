"""The sweep: each scenario undisturbed, then once with every fault; every end is compared with the undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedo.verify.faults import Planned, planned_for
from sedo.verify.outside import Outside
from sedo.verify.runs import Done, run
from sedo.verify.scenarios import Scenario, Scenarios

MOST_RUNS = 2000
"""So many runs are made at most, spread evenly over all there would be."""
MOST_KEPT = 50
"""So many other ends are looked at for the one with the shortest trace."""


@dataclass
class Otherwise:
    """A run that did not end as the undisturbed one: `late` when only a timeout struck that had not struck there."""

    scenario: str
    planned: Planned
    expected: dict[str, Any]
    found: dict[str, Any]
    late: bool
    trace: list[str] = field(default_factory=list)


@dataclass
class Swept:
    """All that was found. `possible` is how many runs there would be; `kinds` counts those that were made."""

    scenarios: Scenarios
    undisturbed: list[tuple[Scenario, Done]] = field(default_factory=list)
    broken: list[tuple[Scenario, Done]] = field(default_factory=list)
    others: list[Otherwise] = field(default_factory=list)
    others_count: int = 0
    late_count: int = 0
    possible: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    outside: Outside = field(default_factory=Outside)

    @property
    def made(self) -> int:
        """How many disturbed runs were made."""
        return sum(self.kinds.values())

    @property
    def same(self) -> bool:
        """Whether all ended alike, timeouts apart."""
        return not self.others_count and not self.broken


def sweep(scenarios: Scenarios, most: int = MOST_RUNS, progress: Callable[[int, int], None] = lambda *_: None) -> Swept:
    """Run everything; `progress` is told how many runs are made, and of how many."""
    swept = Swept(scenarios)
    todo: list[tuple[Scenario, Done, Planned]] = []
    for scenario in scenarios.found:
        plain = run(scenario, priced=True)
        if plain.stopped is not None:
            swept.broken.append((scenario, plain))
            continue
        swept.undisturbed.append((scenario, plain))
        swept.outside.see(plain.calls, disturbed=False)
        todo += [(scenario, plain, planned) for planned in planned_for(plain.sites)]
    swept.possible = len(todo)
    chosen = spread(todo, most)
    for number, (scenario, plain, planned) in enumerate(chosen, 1):
        _disturb(swept, scenario, plain, planned)
        progress(number, len(chosen))
    _trace(swept)
    return swept


def spread(todo: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many of a list, evenly spread, the first and the last among them."""
    if len(todo) <= most:
        return list(todo)
    return [todo[round(i * (len(todo) - 1) / (most - 1))] for i in range(most)]


def _disturb(swept: Swept, scenario: Scenario, plain: Done, planned: Planned) -> None:
    done = run(scenario, planned)
    swept.kinds[planned.kind] += 1
    swept.outside.see(done.calls, disturbed=True)
    if done.same(plain):
        return
    late = done.stopped is None and done.timeouts > plain.timeouts
    if late:
        swept.late_count += 1
    else:
        swept.others_count += 1
    if sum(other.late is late for other in swept.others) < MOST_KEPT:
        swept.others.append(Otherwise(scenario.name, planned, plain.ending, done.ending, late))


def _trace(swept: Swept) -> None:
    """Run what ended otherwise once more, to be told how; keep the shortest trace of each kind."""
    by_name = {scenario.name: scenario for scenario, _ in swept.undisturbed}
    kept: list[Otherwise] = []
    for late in (False, True):
        found = [other for other in swept.others if other.late is late]
        for other in found:
            other.trace = run(by_name[other.scenario], other.planned, trace=True).story
        kept += sorted(found, key=lambda other: len(other.trace))[:1]
    swept.others = kept

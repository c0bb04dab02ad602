"""The sweep: each scenario undisturbed, then once with every fault; every end is compared with the undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.execution import State
from sedo.verify.faults import Planned, planned_for
from sedo.verify.outside import Outside
from sedo.verify.runs import Done, run
from sedo.verify.scenarios import Scenario, Scenarios

MOST_CALLS = 30_000
"""So many I/O calls are made in all disturbed runs, more or less: some seconds."""
FEWEST = 10
"""So many disturbed runs of each scenario are made in any case."""
MOST_KEPT = 20
"""So many other ends are looked at for the one with the shortest trace."""


@dataclass
class Otherwise:
    """A run that did not end as the undisturbed one: `late` when a timeout struck otherwise than there."""

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


def sweep(
    scenarios: Scenarios, most: int = MOST_CALLS, progress: Callable[[int, int], None] = lambda *_: None
) -> Swept:
    """Run everything; `progress` is told how many runs are made, and of how many."""
    swept = Swept(scenarios)
    todo: list[list[tuple[Scenario, Done, Planned]]] = []
    for scenario in scenarios.found:
        plain = run(scenario, priced=True)
        if plain.stopped is not None:
            swept.broken.append((scenario, plain))
            continue
        swept.undisturbed.append((scenario, plain))
        swept.outside.see(plain.calls, disturbed=False)
        todo.append([(scenario, plain, planned) for planned in planned_for(plain.sites)])
    swept.possible = sum(map(len, todo))
    rooms = allot([(len(runs), len(runs[0][1].sites)) for runs in todo], most)
    chosen = [one for runs, room in zip(todo, rooms, strict=True) for one in spread(runs, room)]
    for number, (scenario, plain, planned) in enumerate(chosen, 1):
        _disturb(swept, scenario, plain, planned)
        progress(number, len(chosen))
    _trace(swept)
    return swept


def allot(wanted: Sequence[tuple[int, int]], most: int) -> list[int]:
    """Return how many runs each scenario gets, of (runs, I/O calls of one); what small ones leave, large ones get."""
    rooms = [0] * len(wanted)
    left = most
    by_size = sorted(range(len(wanted)), key=lambda i: wanted[i][0] * wanted[i][1])
    for place, i in enumerate(by_size):
        runs, calls = wanted[i]
        share = left // (len(by_size) - place) // max(1, calls)
        rooms[i] = min(runs, max(FEWEST, share))
        left = max(0, left - rooms[i] * calls)
    return rooms


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
    late = done.stopped is None and (done.timeouts > plain.timeouts or _both_out_of_time(plain, done))
    if late:
        swept.late_count += 1
    else:
        swept.others_count += 1
    if sum(other.late is late for other in swept.others) < MOST_KEPT:
        swept.others.append(Otherwise(scenario.name, planned, plain.ending, done.ending, late))


def _both_out_of_time(plain: Done, done: Done) -> bool:
    """Say whether the execution's own time ended both: how far they came by then is a matter of time."""
    return all(ending["state"] == State.TIMED_OUT for ending in (plain.ending, done.ending))


def _trace(swept: Swept) -> None:
    """Run what ended otherwise once more, to be told how; keep the shortest trace of each kind."""
    by_name = {scenario.name: scenario for scenario, _ in swept.undisturbed}
    wrong = [other for other in swept.others if not other.late]
    for other in wrong:
        other.trace = run(by_name[other.scenario], other.planned, trace=True).story
    late = [other for other in swept.others if other.late]
    swept.others = sorted(wrong, key=lambda other: len(other.trace))[:1] + late[:1]

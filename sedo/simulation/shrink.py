"""From a violation to a short story: fewer executions, fewer kinds of faults, then fault after fault left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sedo.simulation.plan import Options
from sedo.simulation.run import Result, simulate

SEARCHED_SEEDS = 150


@dataclass
class Shrunk:
    """The shortest run found, and how to see it again."""

    result: Result
    options: Options


def shrink(seed: int, options: Options) -> Shrunk:
    """Look for a shorter run that violates the same invariant. Raises ValueError if there is no violation."""
    first = simulate(seed, options)
    if first.violation is None:
        raise ValueError(f"seed {seed} violates nothing")
    name = first.violation.name
    best = _fewer_faults(Shrunk(first, options), name)
    kinds = tuple(sorted({fault.kind for fault in best.result.faults}))
    for executions in (1, 2):
        found = _smaller(seed, replace(options, executions=executions, kinds=kinds, scenario=first.scenario), name)
        if found is not None and len(found.result.faults) <= len(best.result.faults):
            best = found
            break
    return Shrunk(simulate(best.result.seed, replace(best.options, trace=True)), best.options)


def _smaller(seed: int, options: Options, name: str) -> Shrunk | None:
    """Search seeds nearby for one that needs no more than these executions and kinds."""
    best: Shrunk | None = None
    for other in range(seed, seed + SEARCHED_SEEDS):
        result = simulate(other, options)
        if result.violation is not None and result.violation.name == name:
            found = _fewer_faults(Shrunk(result, options), name)
            if best is None or _size(found) < _size(best):
                best = found
            if len(best.result.faults) <= 1:
                break
    return best


def _size(shrunk: Shrunk) -> tuple[int, int]:
    return len(shrunk.result.faults), shrunk.result.counts.invocations


def _fewer_faults(shrunk: Shrunk, name: str) -> Shrunk:
    """Leave out faults from the last to the first, as long as the same invariant is violated."""
    best = shrunk
    for fault in reversed(shrunk.result.faults):
        options = replace(best.options, dropped=frozenset({*best.options.dropped, fault.number}))
        result = simulate(best.result.seed, options)
        if result.violation is not None and result.violation.name == name:
            best = Shrunk(result, options)
    return best


def story(shrunk: Shrunk) -> str:
    """Return the run as text: the lines of the execution that matters, and the command that shows it again."""
    result, options = shrunk.result, shrunk.options
    lines = [line[:400] for line in result.story]
    command = [f"scripts/simulate --seed {result.seed} --trace"]
    if options.executions is not None:
        command.append(f"--executions-per-run {options.executions}")
    if options.kinds is not None:
        command.append(f"--faults {','.join(options.kinds) or 'none'}")
    if options.scenario is not None:
        command.append(f"--scenario {options.scenario}")
    if options.dropped:
        command.append(f"--drop {','.join(map(str, sorted(options.dropped)))}")
    return "\n".join([*lines, f"VIOLATION {result.violation}", f"again: {' '.join(command)}"])

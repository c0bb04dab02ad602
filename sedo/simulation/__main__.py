"""scripts/simulate: run seeds, show one as a story, shrink what is wrong."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable

from sedo.simulation.campaign import run_campaign
from sedo.simulation.faults import KINDS
from sedo.simulation.plan import Options
from sedo.simulation.run import simulate
from sedo.simulation.shrink import Shrunk, shrink, story


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when every invariant held, 1 when one did not, 2 for bad arguments."""
    given = _parser().parse_args(arguments)
    kinds = (
        None if given.faults is None else tuple(kind for kind in given.faults.split(",") if kind not in ("", "none"))
    )
    if kinds is not None and set(kinds) - set(KINDS):
        print(
            f"unknown faults: {', '.join(sorted(set(kinds) - set(KINDS)))}; known: {', '.join(KINDS)}", file=sys.stderr
        )
        return 2
    dropped = frozenset(int(part) for part in given.drop.split(",") if part)
    options = Options(given.executions_per_run, kinds, given.scenario, dropped)
    if given.seed is not None:
        return _one(given, options)
    return _many(given, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("scripts/simulate", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, help="run this one seed; a violation is shrunk to a short story")
    which.add_argument("--seeds", metavar="A..B", default="0..2000", help="run seeds A to B-1 (default 0..2000)")
    which.add_argument("--executions", type=int, help="run seeds from 0 until so many executions were simulated")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--trace", action="store_true", help="with --seed: tell the run as it is, without shrinking")
    parser.add_argument("--json", action="store_true", help="print figures as one line of JSON")
    parser.add_argument("--jobs", type=int, default=1, help="processes to run on")
    parser.add_argument("--faults", help=f"only these kinds, or none: {','.join(KINDS)}")
    parser.add_argument("--drop", default="", help="numbers of faults to leave out, as a story names them")
    parser.add_argument("--scenario", type=int, help="use this generated definition")
    parser.add_argument("--executions-per-run", type=int)
    return parser


def _one(given: argparse.Namespace, options: Options) -> int:
    if given.trace:
        traced = Options(options.executions, options.kinds, options.scenario, options.dropped, trace=True)
        result = simulate(given.seed, traced)
        print(story(Shrunk(result, options)) if result.violation else "\n".join(result.story))
        return int(result.violation is not None)
    result = simulate(given.seed, options)
    if result.violation is None:
        print(f"seed {given.seed}: {result.executions} executions, {len(result.faults)} faults, every invariant held")
        return 0
    print(story(shrink(given.seed, options)))
    return 1


def _many(given: argparse.Namespace, options: Options) -> int:
    seeds: Iterable[int] = itertools.count()
    if given.executions is None:
        first, _, last = given.seeds.partition("..")
        seeds = range(int(first), int(last))
    totals = run_campaign(seeds, options, given.jobs, given.executions, given.seconds)
    if given.json:
        print(json.dumps(totals.document()))
    else:
        for name, value in totals.document().items():
            print(f"{name:>20}  {value}")
    if totals.violations and not given.json:
        print(story(shrink(totals.violations[0][0], options)))
    return int(bool(totals.violations))


if __name__ == "__main__":
    sys.exit(main())

"""The command behind scripts/bench."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from chalicelib.api.cost import prices
from chalicelib.settings import Settings
from sandbox.emulators import aws_environment, start_ministack
from sandbox.provision import LOCAL_PARAMETERS, TEMPLATE, provision
from sedo.bench import compare, faas, scenarios
from sedo.bench.costs import Laboratory
from sedo.bench.stage import echo_server


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Leaves with exit code 2 and a sentence on a wrong command line."""
    parser = argparse.ArgumentParser(
        "scripts/bench",
        description="Counts what executions cost; --compare: how fast they are; --faas: their overhead.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--compare", action="store_true", help="speed beside others, instead of costs")
    parser.add_argument("--faas", action="store_true", help="functions that sleep, in sequence and in parallel")
    parser.add_argument("--emulators", default="ministack,localstack", help="comma list (ministack,localstack)")
    parser.add_argument("--modes", default="pure,effect", help="comma list of pure, effect")
    parser.add_argument("--steps", default="10,80", help="comma list of lengths (10,80)")
    parser.add_argument("--executions", type=int, default=200)
    parser.add_argument("--connections", type=int, default=8, help="of the client (8)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--works", default="call,wait", help="--faas: what sleeps for sedo (call,wait)")
    parser.add_argument("--shapes", default="sequence,parallel", help="--faas: comma list (sequence,parallel)")
    parser.add_argument("--numbers", default="5,10,20,40,80", help="--faas: how many functions (5,10,20,40,80)")
    parser.add_argument("--sleep", type=int, default=1, help="--faas: of each function, whole seconds (1)")
    parser.add_argument("--runs", type=int, default=3, help="--faas: the median of so many parallel ones (3)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="prints one JSON line")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """The command; 0 when all was measured."""
    asked = parse(arguments)
    if asked.faas:
        return run_faas(asked)
    return run_compare(asked) if asked.compare else run_costs(asked)


def run_costs(asked: argparse.Namespace) -> int:
    """Counts on a MiniStack of its own."""
    with start_ministack() as url, echo_server() as echo_url:
        point_at(url)
        provision(TEMPLATE, "sedo-bench", LOCAL_PARAMETERS)
        laboratory = Laboratory(Settings(http_allow_private=True))
        rows = list(scenarios.count_all(laboratory, echo_url))
    if asked.json:
        table = {name: prices()[name] for name in ("region", "date", "currency")}
        print(json.dumps({"prices": table, "rows": rows, "growth": scenarios.growth(rows)}, indent=2))
    else:
        print(scenarios.table(rows))
    return 0


def point_at(url: str) -> None:
    """This process's AWS is the emulator from now on."""
    for name, value in aws_environment(url).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def run_compare(asked: argparse.Namespace) -> int:
    """Rows go to standard error as they are found, the result to standard output."""
    plan = compare.Plan(
        emulators=tuple(filter(None, asked.emulators.split(","))),
        modes=tuple(asked.modes.split(",")),
        steps=tuple(int(steps) for steps in asked.steps.split(",")),
        executions=asked.executions,
        connections=asked.connections,
        workers=asked.workers,
        peers=tuple((name, command) for name, _, command in (peer.partition("=") for peer in asked.peer)),
    )
    rows = compare.compare(plan, say)
    print(json.dumps(compare.document(rows), indent=2) if asked.json else compare.table(rows))
    return 0


def run_faas(asked: argparse.Namespace) -> int:
    """As with --compare: rows to standard error, the result to standard output."""
    plan = faas.Plan(
        emulators=tuple(filter(None, asked.emulators.split(","))),
        works=tuple(asked.works.split(",")),
        shapes=tuple(asked.shapes.split(",")),
        numbers=tuple(int(number) for number in asked.numbers.split(",")),
        sleep_seconds=asked.sleep,
        runs=asked.runs,
        workers=asked.workers,
    )
    say(faas.HEAD)
    rows = faas.run(plan, say)
    print(json.dumps(faas.document(rows), indent=2) if asked.json else faas.table(rows))
    return 0


def say(line: str) -> None:
    """To standard error: standard output belongs to the results."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

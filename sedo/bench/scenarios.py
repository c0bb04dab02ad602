"""The named executions whose costs are counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.engine.execution import State
from chalicelib.engine.fanout import WIDTH
from sedo.bench import definitions
from sedo.bench.bill import Run, bill
from sedo.bench.costs import Laboratory

DAY = 86_400
YEAR = 365 * DAY
SEED: dict[str, Any] = {
    "id": "example-definition",
    "inputSchema": {
        "type": "object",
        "properties": {"foo": {"type": "string"}},
        "required": ["foo"],
        "additionalProperties": False,
    },
    "steps": [
        {"id": "initial-echo", "type": "echo", "message": "initial echo", "next": "wait-some-time"},
        {"id": "wait-some-time", "type": "wait", "seconds": 45, "next": "last-echo"},
        {"id": "last-echo", "type": "echo", "message": "last echo", "end": True},
    ],
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A definition by the URL of the echo server, and what the same run is on Step Functions.

    `items` is how long a map's list is, `others` are definitions that are started, `answer` is what tasks get.
    """

    name: str
    definition: Callable[[str], dict[str, Any]]
    run: Run
    items: int = 0
    others: Sequence[dict[str, Any]] = ()
    answer: Any = None

    def count(self, laboratory: Laboratory, echo_url: str) -> dict[str, Any]:
        """Run it once; return its counts."""
        given = {"items": list(range(self.items))} if self.items else {"foo": "bar"}
        document = self.definition(echo_url)
        head, counts = laboratory.count(document, given, others=self.others, answer=self.answer)
        assert head.state is State.SUCCEEDED, head.error
        return counts.document()


def _wait(seconds: int) -> Callable[[str], dict[str, Any]]:
    return lambda _: definitions.wait(seconds)


def _maps(items: int) -> Iterator[Scenario]:
    """Pure and calling; elsewhere 40 calls of 50 ms at a time."""
    children = math.ceil(items / WIDTH)
    pure, effect = Run(1 + items, items / 10_000, children), Run(1 + items, items * 0.05 / WIDTH, children)
    yield Scenario(f"a map of {items:,} pure items", lambda _: definitions.pure_map(), pure, items)
    yield Scenario(f"a map of {items:,} calls", definitions.effect_map, effect, items)


CHILD = definitions.pure(10)
SCENARIOS = (
    Scenario("10 pure steps", lambda _: definitions.pure(10), Run(10, 0.1)),
    Scenario("80 pure steps", lambda _: definitions.pure(80), Run(80, 0.1)),
    Scenario("the example (wait of 45 s)", lambda _: SEED, Run(3, 45)),
    Scenario("10 steps that call", lambda url: definitions.effect(10, url), Run(10, 0.5)),
    Scenario("80 steps that call", lambda url: definitions.effect(80, url), Run(80, 4)),
    Scenario("a wait of a day", _wait(DAY), Run(3, DAY)),
    Scenario("a wait of a year", _wait(YEAR), Run(3, YEAR)),
    Scenario("a task for a person", lambda _: definitions.human(), Run(1, DAY), answer={"approved": True}),
    Scenario("3 branches that call", lambda url: definitions.branches(3, url), Run(4, 0.1)),
    Scenario("a child of 10 pure steps", lambda _: definitions.parent(CHILD), Run(11, 0.1), others=(CHILD,)),
    *_maps(1_000),
    *_maps(10_000),
)


def count_all(laboratory: Laboratory, echo_url: str) -> Iterator[dict[str, Any]]:
    """Count every scenario; yields its name, counts and USD."""
    for scenario in SCENARIOS:
        counts = scenario.count(laboratory, echo_url)
        yield {"scenario": scenario.name, "items": scenario.items, "counts": counts, "usd": bill(counts, scenario.run)}


def growth(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return by kind how many times longer the map of most items takes than the one of fewest."""
    found: dict[str, float] = {}
    for kind in ("pure items", "calls"):
        maps = sorted((row["items"], row["counts"]["seconds"]) for row in rows if _is_map(row, kind))
        if len(maps) > 1 and maps[0][1]:
            found[kind] = round(maps[-1][1] / maps[0][1], 1)
    return found


def _is_map(row: dict[str, Any], kind: str) -> bool:
    return bool(row["items"]) and row["scenario"].endswith(kind)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text; USD are for a million executions."""
    head = (
        f"{'one execution of':28}{'head':>6}{'index':>6}{'hist.':>6}{'reads':>6}{'msgs':>6}{'SQS':>6}{'invoc.':>7}"
        f"{'WCU':>6}{'RCU':>6}{'sedo':>12}{'Standard':>11}{'Express':>10}{'Distrib.':>10}"
    )
    lines = [f"{'':83}{'USD for a million':>43}", head]
    for row in rows:
        n = row["counts"]
        names = ("sedo", "stepFunctionsStandard", "stepFunctionsExpress", "stepFunctionsDistributed")
        money = [row["usd"][name] for name in names]
        shown = [f"{value * 1_000_000:.2f}" if value is not None else "-" for value in money]
        lines.append(
            f"{row['scenario']:28}{n['head_writes']:>6}{n['index_writes']:>6}{n['history_writes']:>6}{n['reads']:>6}"
            f"{n['messages']:>6}{n['sqs_requests']:>6}{n['invocations']:>7}{n['write_units']:>6.0f}"
            f"{n['read_units']:>6.0f}{shown[0]:>12}{shown[1]:>11}{shown[2]:>10}{shown[3]:>10}"
        )
    return "\n".join([*lines, "", *_about_maps(rows)])


def _about_maps(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["items"]:
            counts = row["counts"]
            yield f"{row['scenario']:28} {counts['seconds']:8.2f} s, at most {counts['calls_at_once']} calls at once"
    for kind, factor in growth(rows).items():
        yield f"ten times the {kind}: {factor:.1f} times the time"

"""The named executions whose costs are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
    """A definition by the URL of the echo server, and what the same run is on Step Functions."""

    name: str
    definition: Callable[[str], dict[str, Any]]
    run: Run


def _wait(seconds: int) -> Callable[[str], dict[str, Any]]:
    return lambda _: definitions.wait(seconds)


SCENARIOS = (
    Scenario("10 pure steps", lambda _: definitions.pure(10), Run(10, 0.1)),
    Scenario("80 pure steps", lambda _: definitions.pure(80), Run(80, 0.1)),
    Scenario("the example (wait of 45 s)", lambda _: SEED, Run(3, 45)),
    Scenario("10 steps that call", lambda url: definitions.effect(10, url), Run(10, 0.5)),
    Scenario("80 steps that call", lambda url: definitions.effect(80, url), Run(80, 4)),
    Scenario("a wait of a day", _wait(DAY), Run(3, DAY)),
    Scenario("a wait of a year", _wait(YEAR), Run(3, YEAR)),
)


def count_all(laboratory: Laboratory, echo_url: str) -> Iterator[dict[str, Any]]:
    """Count every scenario; yields its name, counts and USD."""
    for scenario in SCENARIOS:
        _, counts = laboratory.count(scenario.definition(echo_url), {"foo": "bar"})
        document = counts.document()
        yield {"scenario": scenario.name, "counts": document, "usd": bill(document, scenario.run)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text; USD are for a million executions."""
    head = (
        f"{'one execution of':28}{'head':>6}{'index':>6}{'hist.':>6}{'reads':>6}{'msgs':>6}{'SQS':>6}{'invoc.':>7}"
        f"{'WCU':>6}{'RCU':>6}   {'sedo':>9}{'Standard':>10}{'Express':>9}"
    )
    lines = [f"{'':83}   {'USD for a million':>28}", head]
    for row in rows:
        n, usd = row["counts"], row["usd"]
        money = [usd[name] for name in ("sedo", "stepFunctionsStandard", "stepFunctionsExpress")]
        shown = [f"{value * 1_000_000:.2f}" if value is not None else "-" for value in money]
        lines.append(
            f"{row['scenario']:28}{n['head_writes']:>6}{n['index_writes']:>6}{n['history_writes']:>6}{n['reads']:>6}"
            f"{n['messages']:>6}{n['sqs_requests']:>6}{n['invocations']:>7}{n['write_units']:>6.0f}"
            f"{n['read_units']:>6.0f}   {shown[0]:>9}{shown[1]:>10}{shown[2]:>9}"
        )
    return "\n".join(lines)

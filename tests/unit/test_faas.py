"""The FaaS comparison: both engines get the same work, and overhead is what is left of the time."""

from __future__ import annotations

import json

import pytest

from chalicelib.engine.definition import parse
from sedo.bench import faas, sleepers

NUMBERS = (5, 10, 20, 40, 80)


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("work", sleepers.WORKS)
@pytest.mark.parametrize("shape", sleepers.SHAPES)
def test_sedo_takes_every_workflow(shape: str, work: str, n: int) -> None:
    document = sleepers.definition(shape, work, n, 1, "http://127.0.0.1:1/")
    parse(document, version=1)
    sleeping = json.dumps(document).count('"http"' if work == "call" else '"wait"')
    items = len(document["steps"][0].get("items", [None]))
    assert sleeping * items == n


@pytest.mark.parametrize("n", NUMBERS)
def test_a_state_machine_has_as_many_sleepers(n: int) -> None:
    in_sequence = json.loads(sleepers.state_machine("sequence", n, 2))
    assert [state["Seconds"] for state in in_sequence["States"].values()] == [2] * n
    assert walked(in_sequence) == n
    side_by_side = json.loads(sleepers.state_machine("parallel", n, 2))
    assert [walked(branch) for branch in side_by_side["States"]["fan"]["Branches"]] == [1] * n


def walked(machine: dict[str, object]) -> int:
    """How many states lie between the start and the end."""
    states = machine["States"]
    assert isinstance(states, dict)
    name, count = machine["StartAt"], 1
    while not states[name].get("End"):
        name, count = states[name]["Next"], count + 1
    return count


def test_overhead_is_what_the_median_takes_beyond_the_sleep() -> None:
    in_sequence = faas.row("sedo", "ministack", "call", "sequence", 5, 2, [10.5], 1)
    assert (in_sequence.runs, in_sequence.elapsed_ms, in_sequence.overhead_ms) == (1, 10_500.0, 500.0)
    side_by_side = faas.row("sedo", "ministack", "call", "parallel", 5, 2, [9.0, 2.25, 2.0], 5)
    assert (side_by_side.runs, side_by_side.elapsed_ms, side_by_side.overhead_ms) == (3, 2250.0, 250.0)


def test_each_work_of_sedo_is_compared_with_the_same_emulators_step_functions() -> None:
    rows = [
        faas.row("sedo", "ministack", "call", "sequence", 5, 1, [6.0], 1),
        faas.row("sedo", "ministack", "wait", "sequence", 5, 1, [5.5], None),
        faas.row("sedo", "localstack", "call", "sequence", 5, 1, [6.0], 1),
        faas.row("step-functions", "ministack", "wait", "sequence", 5, 1, [7.0], None),
        faas.row("step-functions", "localstack", "wait", "sequence", 10, 1, [12.0], None),
    ]
    document = json.loads(json.dumps(faas.document(rows)))
    assert document["ratios"] == {"ministack.call.sequence.5": 0.5, "ministack.wait.sequence.5": 0.25}
    assert document["rows"][0]["overhead_ms"] == 1000.0
    assert "0.50 x" in faas.table(rows)

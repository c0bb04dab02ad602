"""What executions cost at most, in requests that are really sent to MiniStack and metered at the adapters.

The clock is virtual: a wait of a year is not waited for. Write units are MiniStack's and checked against the sizes of
the items; a backlog of 10^5 is made in memory, where the requests are the calls of store and queue.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

import pytest

from chalicelib.adapters.codec import encode_head
from chalicelib.engine.execution import Execution, State
from chalicelib.settings import Settings
from sandbox.emulators import aws_environment
from sandbox.provision import LOCAL_PARAMETERS, TEMPLATE, provision
from sedo.bench import definitions
from sedo.bench.backlog import Backlog
from sedo.bench.costs import Counts, Laboratory
from sedo.bench.memory_use import resident_bytes
from sedo.bench.scenarios import DAY, SCENARIOS, SEED, YEAR
from sedo.bench.sizes import item_bytes, write_units
from sedo.bench.stage import echo_server

PREFIX = "costs-"


class Counting:
    """Counts each definition once, however many tests ask."""

    def __init__(self, laboratory: Laboratory, echo_url: str) -> None:
        self.echo_url = echo_url
        self._laboratory = laboratory
        self._count = cache(lambda key: laboratory.count(self._definitions[key], {"foo": "bar"}))
        self._definitions: dict[str, dict[str, Any]] = {}

    def once(self, definition: dict[str, Any], input: Any) -> tuple[Execution, Counts]:
        return self._laboratory.count(definition, input)

    def __call__(self, definition: dict[str, Any]) -> dict[str, Any]:
        head, counts = self.both(definition)
        assert head.state is State.SUCCEEDED
        return counts

    def both(self, definition: dict[str, Any]) -> tuple[Execution, dict[str, Any]]:
        self._definitions[definition["id"]] = definition
        head, counts = self._count(definition["id"])
        return head, counts.document()


Runner = Callable[[str], dict[str, Any]]
"""Counts a named scenario of the benchmark."""


@pytest.fixture(scope="module")
def laboratory(ministack_url: str) -> Iterator[tuple[Laboratory, str]]:
    with pytest.MonkeyPatch.context() as patch, echo_server() as echo_url:
        for name, value in aws_environment(ministack_url).items():
            patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        provision(TEMPLATE, f"{PREFIX}resources", {**LOCAL_PARAMETERS, "Prefix": PREFIX})
        yield Laboratory(Settings(prefix=PREFIX, http_allow_private=True)), echo_url


@pytest.fixture(scope="module")
def count(laboratory: tuple[Laboratory, str]) -> Counting:
    return Counting(*laboratory)


@pytest.fixture(scope="module")
def run(laboratory: tuple[Laboratory, str]) -> Runner:
    named = {scenario.name: scenario for scenario in SCENARIOS}
    return cache(lambda name: named[name].count(*laboratory))


def test_ten_pure_steps_are_one_head_write_and_no_message(count: Counting) -> None:
    counts = count(definitions.pure(10))
    assert counts["head_writes"] == 1
    assert counts["index_writes"] <= 2
    assert counts["history_writes"] == 0
    assert counts["messages"] == counts["sqs_requests"] == 0
    assert counts["reads"] == 1
    assert counts["invocations"] == 1


def test_eighty_pure_steps_cost_at_most_two_write_units_more_than_ten(count: Counting) -> None:
    ten, eighty = count(definitions.pure(10)), count(definitions.pure(80))
    assert eighty["head_writes"] == 1
    assert eighty["messages"] == 0
    assert eighty["write_units"] - ten["write_units"] <= 2


def test_the_example_is_two_head_writes_and_one_message(count: Counting) -> None:
    counts = count(SEED)
    assert counts["head_writes"] == 2
    assert counts["index_writes"] <= 5
    assert counts["history_writes"] == 0
    assert counts["messages"] == 1
    assert counts["sqs_requests"] == 3
    assert counts["invocations"] == 2


@pytest.mark.parametrize("steps", [1, 10, 40])
def test_steps_that_call_are_one_head_write_more_than_steps_and_one_message(count: Counting, steps: int) -> None:
    counts = count(definitions.effect(steps, count.echo_url))
    assert counts["calls"] == steps
    assert counts["head_writes"] == steps + 1
    assert counts["messages"] == 1
    assert counts["index_writes"] <= 5
    # Two events a step, some 100 bytes when packed: a KB is moved out every few steps, and never more than it weighs.
    assert counts["history_writes"] <= steps / 2


def test_a_wait_of_a_year_costs_what_a_wait_of_a_day_costs(count: Counting) -> None:
    day, year = count(definitions.wait(DAY)), count(definitions.wait(YEAR))
    names = ("head_writes", "index_writes", "history_writes", "reads", "messages", "sqs_requests", "invocations")
    for name in (*names, "write_units", "ticks"):
        assert year[name] == day[name], name
    assert day["ticks"] == 1
    assert day["messages"] == 1


def test_a_task_for_a_person_is_two_head_writes_and_no_message(run: Runner) -> None:
    counts = run("a task for a person")
    assert counts["head_writes"] <= 2
    assert counts["index_writes"] <= 6
    assert counts["messages"] == 0


def test_three_branches_that_call_are_committed_together(run: Runner) -> None:
    counts = run("3 branches that call")
    assert counts["calls"] == 3
    assert counts["waits_for_calls"] == 1
    assert counts["head_writes"] <= 3
    assert counts["messages"] == 1


def test_a_child_of_pure_steps_is_three_writes_and_no_message(run: Runner) -> None:
    counts = run("a child of 10 pure steps")
    assert counts["head_writes"] <= 3
    assert counts["messages"] == counts["sqs_requests"] == 0


def test_ten_thousand_pure_items(run: Runner) -> None:
    counts = run("a map of 10,000 pure items")
    assert counts["head_writes"] <= 300
    assert counts["messages"] <= 20
    assert counts["write_units"] <= 600


def test_ten_thousand_calls_are_many_at_once_and_cost_no_more_each_than_a_thousand(run: Runner) -> None:
    small, large = run("a map of 1,000 calls"), run("a map of 10,000 calls")
    assert large["calls"] == 10_000
    assert large["head_writes"] <= 1_100
    assert large["messages"] <= 600
    assert large["calls_at_once"] >= 40
    assert large["write_units"] <= 12 * small["write_units"]
    print(f"1,000 and 10,000 calls: {small['seconds']} and {large['seconds']} s")
    print(f"at most {large['calls_at_once']} at once")


@pytest.mark.parametrize("definition", [definitions.pure(10), definitions.pure(80), SEED], ids=lambda d: str(d["id"]))
def test_the_emulators_write_units_are_those_of_the_items_sizes(count: Counting, definition: dict[str, Any]) -> None:
    head, counts = count.both(definition)
    item = encode_head(head, "n" * 16, Settings().index_shards)
    heads = counts["units"][f"write.{PREFIX}sedo_execution"]
    assert counts["head_writes"] <= heads <= counts["head_writes"] * write_units(item)
    assert item_bytes(item) < 4096, "so that reading it is one unit"


def test_a_large_value_is_stored_once_however_many_commits_follow(count: Counting) -> None:
    steps: list[dict[str, Any]] = [{"id": f"w{i}", "type": "wait", "seconds": 1, "next": f"w{i + 1}"} for i in range(4)]
    steps.append({"id": "w4", "type": "pass", "output": "done", "end": True})
    data = Random(1).randbytes(150_000).hex()
    head, counts = count.once({"id": "large", "steps": steps}, {"data": data})
    packed = len(zlib.compress(data.encode())) / 1024
    units = counts.document()["units"]
    requests = counts.document()["dynamodb_requests"]
    assert head.data_bytes > 300_000
    assert requests["dynamodb.BatchWriteItem"] == 1
    assert units[f"write.{PREFIX}sedo_execution"] <= 2 * counts.document()["head_writes"]
    # Written when it was new, and again with its expiry when the execution had ended.
    assert requests["dynamodb.UpdateItem"] <= 1 + counts.document()["history_writes"]
    assert units[f"write.{PREFIX}sedo_payload"] <= 2 * packed + 4


def test_requests_per_execution_do_not_grow_with_the_backlog() -> None:
    small = Backlog(100).requests_per_execution(100)
    large = Backlog(100_000).requests_per_execution(20_000)
    assert small == pytest.approx(1.44, abs=0.05)
    assert large <= small


def test_the_memory_of_a_worker_does_not_grow() -> None:
    sizes = []
    for _ in range(40):
        backlog = Backlog(250)
        while backlog.process_batch():
            pass
        sizes.append(resident_bytes(os.getpid()))
    megabytes = [size / 2**20 for size in sizes]
    print(f"resident MB after 2,500 and 10,000 executions: {megabytes[9]:.1f}, {megabytes[-1]:.1f}")
    assert megabytes[-1] - megabytes[9] < 16

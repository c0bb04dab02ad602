"""The receipt, and the bill of the benchmark: sums that can be done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.api import cost
from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.definition import parse
from chalicelib.engine.execution import Execution
from sedo.bench import definitions
from sedo.bench.bill import Run, bill


def started(document: dict[str, object], input: object = None) -> Execution:
    request = StartRequest("123", parse(document, version=1), input, "somebody", "n1")
    return start(request, "123:x:1", 1_800_000_000_000).execution


def test_a_receipt_says_what_it_is_and_counts_what_was_committed() -> None:
    receipt = cost.estimate(started(definitions.pure(10)))
    assert receipt["estimated"] is True
    assert (receipt["writes"], receipt["sends"], receipt["chunks"]) == (1, 0, 0)
    assert (receipt["currency"], receipt["region"]) == ("USD", cost.prices()["region"])


def test_ten_pure_steps_are_two_writes_one_read_and_one_invocation() -> None:
    lambda_usd = 0.2 + 1.0 * (0.01 + 2 * 0.006) * 16.6667
    expected = (2 * 0.625 + 0.125 + lambda_usd) / 1e6
    assert cost.estimate(started(definitions.pure(10)))["total"] == pytest.approx(expected, rel=0.01)


def test_messages_chunks_and_data_cost() -> None:
    head = started(definitions.wait(45))
    plain = cost.estimate(head)["total"]
    assert cost.estimate(replace(head, sends=head.sends + 1))["total"] > plain
    assert cost.estimate(replace(head, chunks=1))["total"] > plain
    assert cost.estimate(started(definitions.wait(45), {"data": "x" * 20_000}))["total"] > plain


def test_index_writes_of_a_life() -> None:
    assert cost.index_writes(started(definitions.pure(1))) == 1
    assert cost.index_writes(started(definitions.wait(45))) == 2


def test_the_bill_stands_beside_step_functions() -> None:
    counts = {
        "dynamodb_requests": {"dynamodb.GetItem": 1, "dynamodb.PutItem": 1},
        "send_requests": 0,
        "sqs_requests": 0,
        "invocations": 1,
        "waits_for_calls": 0,
        "write_units": 2.0,
        "read_units": 1.0,
    }
    usd = bill(counts, Run(states=10, seconds=0.1))
    assert usd["sedo"] == pytest.approx(cost.estimate(started(definitions.pure(10)))["total"], rel=0.01)
    assert usd["stepFunctionsStandard"] == pytest.approx(10 * 25e-6)
    assert usd["stepFunctionsExpress"] == pytest.approx((1.0 + 0.1 * 0.0625 * 16.67) / 1e6, abs=1e-9)
    assert bill(counts, Run(3, 86_400))["stepFunctionsExpress"] is None

"""What an execution cost: an estimate from what its head says was committed, at the list prices of prices.json."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.execution import Execution

PRICES = Path(__file__).parent.parent / "prices.json"
_MILLION = 1_000_000
_UNIT_BYTES = 1024
_PACKED_PART = 0.5
"""Of a head's JSON, about so much is left when it is packed."""


@lru_cache(maxsize=1)
def prices() -> dict[str, Any]:
    """Return the price table: USD per million of each unit, with its region and date, and what is assumed of Lambda."""
    table: dict[str, Any] = json.loads(PRICES.read_text())
    return table


def estimate(execution: Execution) -> dict[str, Any]:
    """Return the receipt of an execution so far; `total` is in USD, without the gateway in front of the API.

    A message is a send, a receive and a delete of its own, one invocation and one consistent read: batches make it
    cheaper. A head write is taken to weigh, on average, half of what the head weighs now.
    """
    table = prices()
    unit = table["usdPerMillion"]
    invocations = 1 + execution.sends
    writes = execution.version * _units_of_a_write(execution) + index_writes(execution) + 2 * execution.chunks
    writes += _payload_units(execution)
    requests = invocations + execution.version + execution.chunks + execution.sends
    total = (
        writes * unit["dynamodbWrite"]
        + invocations * (unit["dynamodbRead"] + unit["lambdaRequest"])
        + 3 * execution.sends * unit["sqsRequest"]
        + lambda_gigabyte_seconds(invocations, requests) * unit["lambdaGigabyteSecond"]
    ) / _MILLION
    return {
        "chunks": execution.chunks,
        "currency": table["currency"],
        "estimated": True,
        "region": table["region"],
        "sends": execution.sends,
        "total": round(total, 9),
        "writes": execution.version,
    }


def index_writes(execution: Execution) -> int:
    """Return the writes of a usual life: into `by_tenant` and `due` at the start, out of `due` and moved at the end."""
    if execution.version == 1 and execution.ended:
        return 1
    return 5 if execution.ended else 2


def lambda_gigabyte_seconds(invocations: int, requests: int, calls: int = 0) -> float:
    """Return what Lambda bills for so many invocations that make so many requests to AWS, and calls elsewhere."""
    assumed = prices()["assumed"]
    seconds = (
        invocations * assumed["secondsPerInvocation"]
        + requests * assumed["secondsPerRequest"]
        + calls * assumed["secondsPerCall"]
    )
    return float(seconds * assumed["lambdaGigabytes"])


def _payload_units(execution: Execution) -> int:
    """Return the units of storing large values, and of writing them again with their expiry."""
    once = math.ceil(execution.data_bytes * _PACKED_PART / _UNIT_BYTES)
    return 2 * once if execution.ended else once


def _units_of_a_write(execution: Execution) -> int:
    data = [execution.input, execution.output, execution.stash, *(event.details for event in execution.events)]
    most = values.LARGE_VALUE_BYTES  # of a larger one, the most is stored apart
    packed = 400 + _PACKED_PART * sum(min(most, values.size(value, most)) for value in data)
    return max(1, math.ceil(packed / 2 / _UNIT_BYTES))

"""What an execution cost: an estimate from the counters of its head, at the list prices of prices.json."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.engine.execution import Execution

PRICES = Path(__file__).parent.parent / "prices.json"
_MILLION = 1_000_000


@lru_cache(maxsize=1)
def prices() -> dict[str, Any]:
    """Return the price table: USD per million of each unit, with its region and date."""
    table: dict[str, Any] = json.loads(PRICES.read_text())
    return table


def estimate(execution: Execution) -> dict[str, Any]:
    """Return the receipt of an execution so far; `total` is in USD.

    Each head write is taken as one write unit, each message as a send, a receive and a delete of its own with one
    invocation and one consistent read: batches make it cheaper, heads above 1 KB dearer.
    """
    table = prices()
    unit = table["usdPerMillion"]
    index_writes = 2 if execution.ended else 1
    writes = execution.version + execution.chunks + index_writes
    per_message = 3 * unit["sqsRequest"] + unit["lambdaRequest"] + unit["dynamodbRead"]
    total = (writes * unit["dynamodbWrite"] + execution.sends * per_message) / _MILLION
    return {
        "chunks": execution.chunks,
        "currency": table["currency"],
        "estimated": True,
        "region": table["region"],
        "sends": execution.sends,
        "total": round(total, 9),
        "writes": execution.version,
    }

"""Counts of one execution → USD, beside what Step Functions would take for the same run.

Step Functions is read in its favour: one transition for each state that is entered; Express in its smallest size; what
its states call costs extra there and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.cost import lambda_gigabyte_seconds, prices

EXPRESS_GIGABYTES = 64 / 1024
EXPRESS_LONGEST_SECONDS = 300.0
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """What the same run is elsewhere: states entered, and how long it takes."""

    states: int
    seconds: float


def sedo_usd(counts: Mapping[str, Any]) -> float:
    """Return the price of counts as `costs.Counts.document` gives them; Lambda's times are the table's assumptions."""
    unit = prices()["usdPerMillion"]
    requests = sum(counts["dynamodb_requests"].values()) + counts["send_requests"]
    gigabyte_seconds = lambda_gigabyte_seconds(counts["invocations"], requests, counts["waits_for_calls"])
    total: float = (
        counts["write_units"] * unit["dynamodbWrite"]
        + counts["read_units"] * unit["dynamodbRead"]
        + counts["sqs_requests"] * unit["sqsRequest"]
        + counts["invocations"] * unit["lambdaRequest"]
        + gigabyte_seconds * unit["lambdaGigabyteSecond"]
    )
    return round(total / MILLION, 9)


def bill(counts: Mapping[str, Any], run: Run) -> dict[str, float | None]:
    """Return USD by engine; None where the engine cannot run it."""
    unit = prices()["usdPerMillion"]
    express: float | None = None
    if run.seconds <= EXPRESS_LONGEST_SECONDS:
        billed = max(0.1, math.ceil(run.seconds * 10) / 10) * EXPRESS_GIGABYTES
        express = unit["stepFunctionsExpressRequest"] + billed * unit["stepFunctionsExpressGigabyteSecond"]
        express = round(express / MILLION, 9)
    return {
        "sedo": sedo_usd(counts),
        "apiGateway": unit["apiGatewayRequest"] / MILLION,
        "stepFunctionsStandard": round(run.states * unit["stepFunctionsTransition"] / MILLION, 9),
        "stepFunctionsExpress": express,
    }

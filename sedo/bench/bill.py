"""Counts of one execution → USD, beside what Step Functions would take for the same run.

Step Functions is read in its favour: one transition for each state that is entered; Express in its smallest size; what
its states call costs extra there and is left out. A map may also be *distributed*: Express executions, each for as many
items as a child takes here, of the shortest time that is billed; their start costs no transition.
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
    """What the same run is elsewhere: states entered, how long it takes, and the children of a distributed map."""

    states: int
    seconds: float
    children: int = 0


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
    transition = unit["stepFunctionsTransition"]
    express = None if run.seconds > EXPRESS_LONGEST_SECONDS else round(_express(run.seconds) / MILLION, 9)
    distributed = round((transition + run.children * _express(0)) / MILLION, 9) if run.children else None
    return {
        "sedo": sedo_usd(counts),
        "apiGateway": unit["apiGatewayRequest"] / MILLION,
        "stepFunctionsStandard": round(run.states * transition / MILLION, 9),
        "stepFunctionsExpress": express,
        "stepFunctionsDistributed": distributed,
    }


def _express(seconds: float) -> float:
    """Return USD for a million executions of so many seconds."""
    unit = prices()["usdPerMillion"]
    billed = max(0.1, math.ceil(seconds * 10) / 10) * EXPRESS_GIGABYTES
    return float(unit["stepFunctionsExpressRequest"] + billed * unit["stepFunctionsExpressGigabyteSecond"])

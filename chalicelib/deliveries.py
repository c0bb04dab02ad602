"""SQS events as deliveries: what came, how often, and what becomes of it at the end of the batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from chalicelib.engine.errors import SedoError
from chalicelib.messages import MalformedMessage, parse_message
from chalicelib.ports import Message, Unavailable
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.processor")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receive of one message."""

    message: Message
    receipt_handle: str
    queue_arn: str
    receive_count: int


class BatchFailed(SedoError):
    """Some messages of a batch must come back; the finished ones have been deleted."""


def deliveries(records: Sequence[Mapping[str, Any]]) -> list[Delivery]:
    """Read an SQS event's records. What is not a message of ours is logged whole and acknowledged."""
    found = []
    for record in records:
        try:
            message = parse_message(record["body"])
        except MalformedMessage as error:
            logger.error("message %s rejected: %s; body: %.1000s", record.get("messageId"), error, record["body"])
            continue
        count = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        found.append(Delivery(message, record["receiptHandle"], record["eventSourceARN"], count))
    return found


def settle(
    runtime: Runtime,
    records: Sequence[Mapping[str, Any]],
    arrived: Iterable[Delivery],
    must_come_back: Callable[[Delivery], bool],
) -> None:
    """End a batch: return, so that all of it is deleted; or delete what is finished and raise BatchFailed."""
    failed = {delivery.receipt_handle: delivery for delivery in arrived if must_come_back(delivery)}
    if not failed:
        return
    finished = [record for record in records if record["receiptHandle"] not in failed]
    for arn, group in groupby(sorted(finished, key=_arn), key=_arn):
        try:
            runtime.queue.delete(arn, [record["receiptHandle"] for record in group])
        except Unavailable as error:
            logger.warning("finished messages could not be deleted and will come again: %s", error)
    names = ", ".join(sorted({delivery.message.execution_id for delivery in failed.values()}))
    raise BatchFailed(f"{len(failed)} of {len(records)} messages must come back: {names}")


def _arn(record: Mapping[str, Any]) -> str:
    return str(record["eventSourceARN"])

"""The events that Lambda gives to handlers, made from what SQS answers and from the clock. Pure."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Message = Mapping[str, Any]
LOCAL_ACCOUNT = "000000000000"


def sqs_event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """A batch as an event source mapping delivers it, from the messages of ReceiveMessage."""
    return {"Records": [sqs_record(message, queue_arn) for message in messages]}


def sqs_record(message: Message, queue_arn: str) -> dict[str, Any]:
    """One message: lower camel case, where ReceiveMessage has upper."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: message_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def message_attribute(value: Message) -> dict[str, Any]:
    """Binary values travel in base64."""
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute


def schedule_event(rule: str, at: datetime, region: str) -> dict[str, Any]:
    """A tick as EventBridge sends it; `at` is the moment it was due, to the second."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": LOCAL_ACCOUNT,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{LOCAL_ACCOUNT}:rule/{rule}"],
        "detail": {},
    }


def failed_ids(result: Any, message_ids: Sequence[str]) -> set[str]:
    """The messages that a handler's answer reports as failed; all where the report itself is wrong, as on AWS."""
    if not isinstance(result, dict) or "batchItemFailures" not in result:
        return set()
    reported = result["batchItemFailures"] or []
    ids = {entry.get("itemIdentifier") if isinstance(entry, dict) else None for entry in reported}
    known = set(message_ids)
    return {str(entry) for entry in ids} if ids <= known else known

"""Events have the shape that Lambda gives them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from sandbox.events import failed_ids, schedule_event, sqs_event

ARN = "arn:aws:sqs:eu-west-1:000000000000:q"


def test_sqs_record() -> None:
    message = {
        "MessageId": "m1",
        "ReceiptHandle": "h1",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1", "MessageGroupId": "123"},
        "MessageAttributes": {
            "kind": {"StringValue": "x", "DataType": "String"},
            "raw": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
        },
    }
    assert sqs_event([message], ARN) == {
        "Records": [
            {
                "messageId": "m1",
                "receiptHandle": "h1",
                "body": "{}",
                "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1", "MessageGroupId": "123"},
                "messageAttributes": {
                    "kind": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
                    "raw": {
                        "binaryValue": "AP8=",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "Binary",
                    },
                },
                "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


def test_schedule_event_tells_the_moment_in_utc() -> None:
    due = datetime(2026, 1, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    event = schedule_event("tick", due, "us-east-1")
    assert event["time"] == "2026-01-01T10:00:00Z"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/tick"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        (None, set()),
        ("done", set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "nobody"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"wrong": "a"}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
    ],
)
def test_reported_failures(result: Any, failed: set[str]) -> None:
    assert failed_ids(result, ["a", "b"]) == failed

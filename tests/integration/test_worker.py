"""The worker does for an app that it knows nothing of what AWS would do: a real process on real queues."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.integration.second_process import Record, wait_for, worker

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUES = ("second-plain", "second-partial", "second-slow", "second-blueprint")
VISIBILITY_SECONDS = 2


@pytest.fixture(scope="module")
def sqs(ministack_url: str) -> SQSClient:
    return boto3.client("sqs", endpoint_url=ministack_url)


@pytest.fixture
def queues(sqs: SQSClient) -> Iterator[dict[str, str]]:
    """URLs by name; two receives, then the dead-letter queue."""
    dead = sqs.create_queue(QueueName="second-dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:second-dead", "maxReceiveCount": "2"}
    attributes: Any = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(policy)}
    urls = {name: sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"] for name in QUEUES}
    yield urls | {"second-dead": dead}
    for url in [*urls.values(), dead]:
        sqs.delete_queue(QueueUrl=url)


def send(sqs: SQSClient, url: str, **body: object) -> None:
    sqs.send_message(
        QueueUrl=url,
        MessageBody=json.dumps(body),
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "test"}},
    )


def is_empty(sqs: SQSClient, url: str) -> bool:
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_delivers_deletes_and_finds_blueprints(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (_, record):
        for number in range(25):
            send(sqs, queues["second-plain"], do="nothing", number=number)
        send(sqs, queues["second-blueprint"], do="nothing")
        wait_for(lambda: len(record.bodies("plain")) >= 25 and record.bodies("from-blueprint") != [], 10)
        wait_for(lambda: is_empty(sqs, queues["second-plain"]), 5)
    assert sorted(json.loads(body)["number"] for body in record.bodies("plain")) == list(range(25))
    assert max(len(line["event"]["Records"]) for line in record.lines("plain")) <= 10
    line = record.lines("plain")[0]
    assert line["function"] == "second-local-plain"
    assert 19_000 < line["remaining_ms"] <= 20_000
    received = line["event"]["Records"][0]
    assert received["attributes"]["ApproximateReceiveCount"] == "1"
    assert received["attributes"]["SentTimestamp"].isdecimal()
    assert received["messageAttributes"]["kind"]["stringValue"] == "test"
    assert received["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:second-plain"
    assert (received["eventSource"], received["awsRegion"]) == ("aws:sqs", "us-east-1")


def test_raised_comes_back_and_then_is_a_dead_letter(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (part, record):
        send(sqs, queues["second-plain"], do="raise")
        wait_for(lambda: not is_empty(sqs, queues["second-dead"]), 5 * VISIBILITY_SECONDS)
        assert "ValueError: told to raise" in part.log.read_text()
    counts = [line["event"]["Records"][0]["attributes"]["ApproximateReceiveCount"] for line in record.lines("plain")]
    assert counts == ["1", "2"]


def test_only_reported_failures_come_back(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (_, record):
        send(sqs, queues["second-partial"], do="fail")
        send(sqs, queues["second-partial"], do="nothing")
        wait_for(lambda: not is_empty(sqs, queues["second-dead"]), 5 * VISIBILITY_SECONDS)
    bodies = record.bodies("partial")
    assert bodies.count('{"do": "nothing"}') == 1
    assert bodies.count('{"do": "fail"}') == 2


def test_slower_than_its_timeout_is_a_failure(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (part, record):
        send(sqs, queues["second-slow"])
        wait_for(lambda: len(record.lines("slow")) == 2, 4 * VISIBILITY_SECONDS)
        assert record.lines("slow")[0]["remaining_ms"] <= 1000
        assert "Lambda would have ended it after 1 s" in part.log.read_text()


def test_sigterm_lets_a_running_handler_finish(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (part, record):
        send(sqs, queues["second-plain"], do="sleep", seconds=1.5)
        wait_for(lambda: record.lines("plain") != [], 5)
        part.ask_to_end()
        assert part.process
        assert part.process.wait(8) == 0
    assert len(record.lines("slept")) == 1
    assert is_empty(sqs, queues["second-plain"])


def test_waits_for_a_queue_that_is_not_there_yet(
    sqs: SQSClient, queues: dict[str, str], ministack_url: str, tmp_path: Path
) -> None:
    with worker(ministack_url, tmp_path) as (part, record):
        sqs.delete_queue(QueueUrl=queues["second-plain"])
        time.sleep(2.5)
        assert part.is_running()
        sqs.create_queue(QueueName="second-plain")
        send(sqs, queues["second-plain"], do="nothing")
        wait_for(lambda: record.bodies("plain") != [], 15)


@pytest.mark.slow
def test_schedule_fires_in_one_of_two_workers(queues: dict[str, str], ministack_url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        worker(ministack_url, tmp_path) as (_, record),
        worker(ministack_url, tmp_path / "other", "--no-schedules") as (_, other),
    ):
        wait_for(lambda: record.lines("every_minute") != [], 62)
        assert_tick(record)
        assert other.lines("every_minute") == []


def assert_tick(record: Record) -> None:
    line = record.lines("every_minute")[0]
    assert line["function"] == "second-local-every_minute"
    assert line["event"]["detail-type"] == "Scheduled Event"
    assert line["event"]["time"].endswith(":00Z")

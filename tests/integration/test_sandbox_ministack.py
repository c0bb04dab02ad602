"""The MiniStack that the tests and the sandbox start: ready when given, gone afterwards, state kept on request."""

from __future__ import annotations

from pathlib import Path

import boto3

from sandbox import emulators, net


def test_gone_afterwards_and_state_kept(tmp_path: Path) -> None:
    """What was sent before a clean end is there at the next start."""
    with emulators.start_ministack(state_dir=tmp_path) as url:
        sqs = boto3.client("sqs", endpoint_url=url)
        queue_url = sqs.create_queue(QueueName="kept")["QueueUrl"]
        sqs.send_message(QueueUrl=queue_url, MessageBody="hello")
    assert not net.answers(f"{url}/_ministack/health")
    with emulators.start_ministack(state_dir=tmp_path) as url:
        sqs = boto3.client("sqs", endpoint_url=url)
        queue_url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    assert [message["Body"] for message in messages] == ["hello"]


def test_fixture_is_empty_at_first(ministack_url: str) -> None:
    """The session's emulator holds nothing that this test did not make."""
    assert net.answers(f"{ministack_url}/_ministack/health")

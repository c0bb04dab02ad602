"""The event sources: threads that poll a queue or wait for a schedule, and invoke what is registered for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import events
from sandbox.invocation import Function, InvocationFailed
from sandbox.schedules import Schedule

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger("worker")

# Short, so that an end is prompt: a poll that is abandoned may take messages with it into invisibility.
POLL_SECONDS = 1
RETRY_SECONDS = (0.1, 0.1, 0.2, 0.2, 0.5, 0.5, 1.0, 2.0, 5.0)
QUIET_SECONDS = 10.0
ENTRIES_PER_REQUEST = 10
GONE = ("ReceiptHandleIsInvalid", "InvalidParameterValue")


@dataclass
class Source:
    """Common to both kinds: a name, a stop signal, and whether it works at present."""

    name: str
    function: Function
    stop: threading.Event
    trouble: str | None = "starting"

    def run(self) -> None:
        """Until told to stop."""
        raise NotImplementedError


@dataclass
class Queue(Source):
    """One polling thread of one queue."""

    queue_name: str = ""
    batch_size: int = 10
    window_seconds: float = 0
    client: SQSClient = field(kw_only=True)
    made: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """A missing queue or a dead emulator is reported once and tried again."""
        failures = 0
        place: tuple[str, str] | None = None
        while not self.stop.is_set():
            try:
                if place is None:
                    place = self.find()
                    self.report(None)
                messages = self.collect(place[0])
                failures = 0
                if messages:
                    self.process(place, messages)
            except (BotoCoreError, ClientError) as error:
                self.report(str(error))
                place = None
                self.stop.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def report(self, trouble: str | None) -> None:
        """Logs changes only."""
        if trouble and trouble != self.trouble:
            # All parts may be started at once, so a queue that is not there yet is nothing to warn of at first.
            level = logging.DEBUG if time.monotonic() - self.made < QUIET_SECONDS else logging.WARNING
            log.log(level, "%s: %s; trying again", self.queue_name, trouble)
        if not trouble and self.trouble:
            log.info("%s: polling for %s", self.queue_name, self.function.name)
        self.trouble = trouble

    def find(self) -> tuple[str, str]:
        """The queue's URL and ARN."""
        url = self.client.get_queue_url(QueueName=self.queue_name)["QueueUrl"]
        attributes = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return url, attributes["QueueArn"]

    def collect(self, url: str) -> list[Any]:
        """Up to a batch; with a batching window it goes on until the batch is full or the window over."""
        messages = self.receive(url, self.batch_size)
        deadline = time.monotonic() + self.window_seconds
        while messages and len(messages) < self.batch_size and time.monotonic() < deadline and not self.stop.is_set():
            messages += self.receive(url, self.batch_size - len(messages))
        return messages

    def receive(self, url: str, wanted: int) -> list[Any]:
        """One long poll with everything that an event has to show."""
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(wanted, ENTRIES_PER_REQUEST),
            WaitTimeSeconds=POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def process(self, place: tuple[str, str], messages: Sequence[Any]) -> None:
        """Invokes, then deletes what was done; the rest comes back when its visibility timeout is over."""
        url, arn = place
        try:
            result = self.function.invoke(events.sqs_event(messages, arn))
        except InvocationFailed:
            return
        failed = events.failed_ids(result, [message["MessageId"] for message in messages])
        if failed:
            log.warning("%s reported %d of %d messages as failed", self.function.name, len(failed), len(messages))
        self.delete(url, [message for message in messages if message["MessageId"] not in failed])

    def delete(self, url: str, messages: Sequence[Any]) -> None:
        """An entry that fails is tried once more by itself; one that is gone already counts as deleted."""
        for start in range(0, len(messages), ENTRIES_PER_REQUEST):
            part = messages[start : start + ENTRIES_PER_REQUEST]
            for handle, code in self.delete_once(url, [message["ReceiptHandle"] for message in part]):
                if code not in GONE:
                    for _, again in self.delete_once(url, [handle]):
                        log.error("%s: a message could not be deleted (%s) and will come again", self.queue_name, again)

    def delete_once(self, url: str, handles: Sequence[str]) -> list[tuple[str, str]]:
        """The handles that failed, with their codes: the request as a whole succeeds all the same."""
        answer = self.client.delete_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)],
        )
        return [(handles[int(entry["Id"])], entry["Code"]) for entry in answer.get("Failed", [])]


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass
class Ticker(Source):
    """The thread of one schedule. Ticks that pass during a long invocation are skipped."""

    schedule: Schedule = field(kw_only=True)
    region: str = "us-east-1"
    clock: Callable[[], datetime] = utc_now

    def run(self) -> None:
        """Also ends when the schedule has no next moment."""
        self.trouble = None
        while due := self.schedule.next_after(self.clock()):
            if not self.wait_for(due):
                return
            try:
                self.function.invoke(events.schedule_event(self.name, due, self.region))
            except InvocationFailed:
                log.warning("the schedule of %s goes on", self.function.name)

    def wait_for(self, due: datetime) -> bool:
        """In short pieces, since a laptop that slept has another time afterwards; False when told to stop."""
        while (left := (due - self.clock()).total_seconds()) > 0:
            if self.stop.wait(min(left, 30.0)):
                return False
        return not self.stop.is_set()

"""SQS batches: load the heads in one read, drive the executions side by side, send, and only then acknowledge."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.deliveries import Delivery, deliveries, settle
from chalicelib.drive import Driven, Driver
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.outbox import Outbox
from chalicelib.patience import patiently
from chalicelib.runtime import Runtime
from chalicelib.schedules import start_due

logger = logging.getLogger("sedo.processor")
MARGIN_MS = 10_000
"""Left of an invocation's time for the last sends and the end of the batch."""


def handle_batch(runtime: Runtime, event: Mapping[str, Any], remaining_ms: int | None = None) -> None:
    """Process one SQS event. Raises BatchFailed if messages must come back; the others are then deleted already."""
    records = event["Records"]
    arrived = deliveries(records)
    budget_ms = round(runtime.settings.time_budget_seconds * 1000)
    if remaining_ms is not None:
        budget_ms = min(budget_ms, remaining_ms - MARGIN_MS)
    batch = Batch(runtime, runtime.now_ms() + max(0, budget_ms))
    batch.run(arrived)
    settle(runtime, records, arrived, batch.must_come_back)


class Batch:
    """The executions of one batch and what became of their messages."""

    def __init__(self, runtime: Runtime, until_ms: int) -> None:
        self.runtime = runtime
        self.until_ms = until_ms
        self.outbox = Outbox(runtime)
        self.failed: set[str] = set()

    def run(self, arrived: Sequence[Delivery]) -> None:
        """Drive all executions to where they must wait; outcomes are kept for `must_come_back`."""
        groups: dict[str, list[Delivery]] = {}
        for delivery in arrived:
            groups.setdefault(delivery.message.execution_id, []).append(delivery)
        if not groups:
            return
        timetables = {name: group for name, group in groups.items() if group[0].message.kind == "schedule"}
        driven = {name: group for name, group in groups.items() if name not in timetables}
        heads = patiently(self.runtime, self.until_ms, lambda: self.runtime.store.load(list(driven)))
        jobs = [self._job(heads.get(name), group) for name, group in driven.items()]
        self.runtime.run_all([*jobs, *(self._schedule_job(group) for group in timetables.values())])
        self.outbox.flush()

    def must_come_back(self, delivery: Delivery) -> bool:
        """Say whether a message is not to be acknowledged."""
        return delivery.receipt_handle in self.failed or self.outbox.was_refused(delivery.message.execution_id)

    def _job(self, head: Execution | SedoError | None, group: list[Delivery]) -> Any:
        return lambda: self._drive_all(head, group)

    def _schedule_job(self, group: list[Delivery]) -> Any:
        return lambda: self._start_due(group)

    def _start_due(self, group: list[Delivery]) -> None:
        """Start what a timetable says; several messages of one moment are copies."""
        message = group[0].message
        try:
            self.outbox.put_messages(start_due(self.runtime, message, self.until_ms))
        except Exception:  # as below: one that fails comes back alone
            logger.exception("%s: its schedules could not be started", message.execution_id)
            self.failed.update(delivery.receipt_handle for delivery in group)

    def _drive_all(self, head: Execution | SedoError | None, group: list[Delivery]) -> None:
        """Drive one execution by each of its messages in turn; what tells of ended children is one message."""
        for position, batch in enumerate(units := _units(group)):
            if head is None:
                for delivery in batch:
                    logger.error("message %s is for an execution that is unknown; acknowledged", delivery.message)
                continue
            if isinstance(head, SedoError):
                logger.error("%s: %s", batch[0].message.execution_id, head)
                self._come_back(units[position:])
                return
            try:
                driven = self._drive(head, batch)
            except Exception:  # one poisonous execution must not take nine good ones with it: it comes back alone
                logger.exception("%s: processing failed", batch[0].message.execution_id)
                self._come_back(units[position:])
                return
            head = driven.execution
            if driven.must_come_back:
                self._come_back([batch])

    def _drive(self, head: Execution, batch: list[Delivery]) -> Driven:
        """Take all news of a batch under the name of its first message; then each of the others meets the head too.

        One of them may have been the first of another batch, whose process has died since.
        """
        told = [delivery.message.token for delivery in batch if delivery.message.kind == "ended"]
        driven = Driver(self.runtime, self.outbox, batch[0], self.until_ms, told).run(head)
        again = driven.must_come_back
        for delivery in batch[1:]:
            if driven.execution is not None:
                driven = Driver(self.runtime, self.outbox, delivery, self.until_ms).run(driven.execution)
                again = again or driven.must_come_back
        return Driven(driven.execution, again)

    def _come_back(self, batches: Sequence[Sequence[Delivery]]) -> None:
        self.failed.update(delivery.receipt_handle for batch in batches for delivery in batch)


def _units(group: Sequence[Delivery]) -> list[list[Delivery]]:
    """Return the messages of one execution one by one, but those that tell of ended children together."""
    news = [delivery for delivery in group if delivery.message.kind == "ended"]
    others = [[delivery] for delivery in group if delivery.message.kind != "ended"]
    return [news, *others] if news else others

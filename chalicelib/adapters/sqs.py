"""The two working queues on SQS: batches, retries of what was refused, and deletes that may come twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws, rounds
from chalicelib.adapters.queues import MAX_DELAY_SECONDS, READY, TIMEOUT, group_id
from chalicelib.messages import body_of
from chalicelib.ports import Outgoing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, SendMessageBatchRequestEntryTypeDef

    Entry = SendMessageBatchRequestEntryTypeDef

BATCH = 10
MAX_BATCH_BYTES = 1_000_000

# What SQS, or an emulator, answers about a receipt handle of a message that is no longer there.
_GONE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "AWS.SimpleQueueService.ReceiptHandleIsInvalid"})


class SqsQueue:
    """Queue on SQS; see ports.Queue for what each call promises."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._urls: dict[str, str] = {}
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Send ready messages first, then delayed ones; what SQS calls the sender's fault is not tried again."""
        refused: list[Outgoing] = []
        for name, delayed in ((READY, False), (TIMEOUT, True)):
            chosen = [message for message in messages if (message.delay_seconds > 0) == delayed]
            for batch in batches([(message, _entry(message)) for message in chosen]):
                refused.extend(self._send_batch(self._clients.settings.resource(name), batch))
        return refused

    def _send_batch(self, queue_name: str, batch: list[tuple[Outgoing, Entry]]) -> list[Outgoing]:
        url = self._url(queue_name)
        left = {str(place): pair for place, pair in enumerate(batch)}
        refused: list[Outgoing] = []
        try:
            for _ in rounds("send"):
                entries = [entry | {"Id": place} for place, (_, entry) in left.items()]
                with reaching_aws():
                    failed = self._clients.sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
                refused.extend(left[failure["Id"]][0] for failure in failed if failure["SenderFault"])
                left = {failure["Id"]: left[failure["Id"]] for failure in failed if not failure["SenderFault"]}
                if not left:
                    return refused
        except Unavailable:
            if len(left) == len(batch):
                raise  # nothing is known to have been sent
        return refused + [message for message, _ in left.values()]

    def backlog(self) -> int:
        """Ask SQS for its approximate numbers of visible messages: those that are still delayed are not among them."""
        return self._visible(READY) + self._visible(TIMEOUT)

    def _visible(self, name: str) -> int:
        url = self._url(self._clients.settings.resource(name))
        with reaching_aws():
            answer = self._clients.sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def delete(self, queue_arn: str, receipt_handles: Sequence[str]) -> None:
        """Delete in batches of ten. Raises Unavailable when some could not be deleted."""
        url = self._url(queue_arn.rsplit(":", 1)[-1])
        for start in range(0, len(receipt_handles), BATCH):
            self._delete_batch(url, receipt_handles[start : start + BATCH])

    def _delete_batch(self, url: str, receipt_handles: Sequence[str]) -> None:
        left = dict(enumerate(receipt_handles))
        for _ in rounds("delete"):
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(place), "ReceiptHandle": handle} for place, handle in left.items()
            ]
            try:
                with reaching_aws():
                    failed = self._clients.sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE or len(entries) > 1:
                    raise
                return
            left = {int(f["Id"]): left[int(f["Id"])] for f in failed if f["Code"] not in _GONE}
            if not left:
                return

    def _url(self, queue_name: str) -> str:
        url = self._urls.get(queue_name)
        if url is None:
            with self._lock, reaching_aws():
                url = self._urls[queue_name] = self._clients.sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
        return url


def batches(pairs: Sequence[tuple[Outgoing, Entry]]) -> Iterator[list[tuple[Outgoing, Entry]]]:
    """Split into batches of at most ten messages and a megabyte."""
    batch: list[tuple[Outgoing, Entry]] = []
    size = 0
    for pair in pairs:
        length = len(pair[1]["MessageBody"].encode())
        if batch and (len(batch) == BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(pair)
        size += length
    if batch:
        yield batch


def _entry(outgoing: Outgoing) -> Entry:
    entry: Entry = {
        "Id": "0",
        "MessageBody": body_of(outgoing.message),
        "MessageGroupId": group_id(outgoing.tenant_id),
    }
    if outgoing.delay_seconds > 0:
        entry["DelaySeconds"] = min(int(outgoing.delay_seconds), MAX_DELAY_SECONDS)
    return entry

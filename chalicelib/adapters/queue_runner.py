"""Performs `queue` steps: one message sent, every outcome a TaskResult.

Queue.NotFound      there is no such queue
Queue.Forbidden     not a queue that this deployment lets definitions send to
Queue.<code>        what SQS itself answers, as `Queue.InvalidMessageContents`
Queue.Unreachable   SQS could not be reached
Task.Timeout        the step's time was over

The idempotency key is a message attribute, `Idempotency-Key`; on a FIFO queue it is the deduplication id too, and the
execution is the group.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from chalicelib.adapters.allowed import Allowed
from chalicelib.adapters.aws import Clients
from chalicelib.adapters.queues import group_id
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import TASK_TIMEOUT
from chalicelib.engine.steps.queue import FIFO

NOT_FOUND = "Queue.NotFound"
FORBIDDEN = "Queue.Forbidden"
_MISSING = frozenset({"NonExistentQueue", "QueueDoesNotExist"})
_SHOWN_CHARACTERS = 1024
_DEDUPLICATION_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_AWS_HOST = re.compile(r"(?:sqs\.)?([a-z0-9-]+)\.(?:queue\.)?amazonaws\.com(?:\.cn)?")


class QueueRunner:
    """TaskRunner of type `queue`; one for many threads."""

    def __init__(self, clients: Clients, allowed: Allowed) -> None:
        self._clients = clients
        self._allowed = allowed
        self._urls: dict[str, str] = {}

    def perform(self, task: Task) -> TaskResult:
        """Send `task.request`: `{queue, message, delaySeconds?}`."""
        client = self._clients.caller("sqs", task.timeout_seconds)
        written = task.request["queue"]
        region, account, name = _parts(written)
        if region not in ("", client.meta.region_name):
            return TaskResult(error=NOT_FOUND, cause=f"{written} is in another region than this deployment")
        form = f"arn:{client.meta.partition}:sqs:{client.meta.region_name}:{account}:{name}" if account else name
        if not self._allowed.permits(name, form):
            cause = f"{form} is not among the queues that this deployment lets definitions send to"
            return TaskResult(error=FORBIDDEN, cause=cause)
        try:
            answer = client.send_message(QueueUrl=self._url(client, account, name), **_message(task, name))
        except ReadTimeoutError:
            return TaskResult(error=TASK_TIMEOUT, cause=f"no answer within {task.timeout_seconds:g} s")
        except ClientError as error:
            code = str(error.response["Error"]["Code"]).rpartition(".")[2]
            known = NOT_FOUND if code in _MISSING else f"Queue.{code}"
            return TaskResult(error=known, cause=str(error)[:_SHOWN_CHARACTERS])
        except (BotoCoreError, OSError) as error:
            return TaskResult(error="Queue.Unreachable", cause=str(error)[:_SHOWN_CHARACTERS])
        return TaskResult(value={"messageId": answer["MessageId"]})

    def _url(self, client: Any, account: str, name: str) -> str:
        """Ask SQS for the URL: one that an author wrote could lead the signed request elsewhere."""
        key = f"{account}/{name}"
        if key not in self._urls:
            owner = {"QueueOwnerAWSAccountId": account} if account else {}
            self._urls[key] = client.get_queue_url(QueueName=name, **owner)["QueueUrl"]
        return self._urls[key]


def _parts(written: str) -> tuple[str, str, str]:
    """Return region, account and name of a queue; what is not written is empty."""
    if written.startswith("arn:"):
        _, _, _, region, account, name = written.split(":")
        return region, account, name
    if "/" not in written:
        return "", "", written
    parts = urlsplit(written)
    _, account, name = parts.path.split("/")
    host = _AWS_HOST.fullmatch(parts.hostname or "")
    return (host[1] if host else ""), account, name


def _message(task: Task, name: str) -> dict[str, Any]:
    body, key = task.request["message"], task.idempotency_key
    message: dict[str, Any] = {
        "MessageBody": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "MessageAttributes": {"Idempotency-Key": {"DataType": "String", "StringValue": key}},
    }
    if name.endswith(FIFO):
        fits = _DEDUPLICATION_ID.fullmatch(key) is not None
        message["MessageDeduplicationId"] = key if fits else hashlib.sha256(key.encode()).hexdigest()
        message["MessageGroupId"] = group_id(key.partition("/")[0])
    if task.request.get("delaySeconds"):
        message["DelaySeconds"] = int(task.request["delaySeconds"])
    return message

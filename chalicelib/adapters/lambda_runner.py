"""Performs `lambda` steps: one synchronous invocation, every outcome a TaskResult.

Lambda.<errorType>            what the function raised, as `Lambda.ValueError`
Lambda.<code>                 what Lambda itself answers, as `Lambda.TooManyRequestsException`
Lambda.SdkClientException     Lambda could not be reached
Lambda.Forbidden              not a function that this deployment lets definitions invoke
Task.Timeout                  the step's time was over, or the function's own
Data.TooLarge                 an answer beyond 1 MB

The idempotency key travels in the client context (`context.client_context.custom["idempotencyKey"]` in Python), so that
the payload is the author's alone.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from chalicelib.adapters.allowed import Allowed
from chalicelib.adapters.aws import Clients
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DATA_TOO_LARGE, TASK_TIMEOUT

MAX_ANSWER_BYTES = 1_048_576
_SHOWN_CHARACTERS = 1024
_TIMED_OUT = re.compile(r"Task timed out after [0-9.]+ seconds")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.$:-]+")


class LambdaRunner:
    """TaskRunner of type `lambda`; one for many threads."""

    def __init__(self, clients: Clients, allowed: Allowed) -> None:
        self._clients = clients
        self._allowed = allowed

    def perform(self, task: Task) -> TaskResult:
        """Invoke `task.request`: `{function, payload}`."""
        function = task.request["function"]
        if not self._may_invoke(function):
            cause = f"{function} is not among the functions that this deployment lets definitions invoke"
            return TaskResult(error="Lambda.Forbidden", cause=cause)
        try:
            answer = self._clients.caller("lambda", task.timeout_seconds).invoke(
                FunctionName=function,
                InvocationType="RequestResponse",
                ClientContext=_client_context(task),
                Payload=json.dumps(task.request["payload"], ensure_ascii=False).encode(),
            )
            body = answer["Payload"].read(MAX_ANSWER_BYTES + 1)
        except ReadTimeoutError:
            return TaskResult(error=TASK_TIMEOUT, cause=f"no answer within {task.timeout_seconds:g} s")
        except ClientError as error:
            return TaskResult(error=f"Lambda.{error.response['Error']['Code']}", cause=str(error)[:_SHOWN_CHARACTERS])
        except (BotoCoreError, OSError) as error:
            return TaskResult(error="Lambda.SdkClientException", cause=str(error)[:_SHOWN_CHARACTERS])
        if len(body) > MAX_ANSWER_BYTES:
            return TaskResult(error=DATA_TOO_LARGE, cause=f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        value = _parsed(body)
        return _function_error(value) if answer.get("FunctionError") else TaskResult(value=value)

    def _may_invoke(self, function: str) -> bool:
        """Patterns are matched as the function is written, with and without its version or alias."""
        parts = function.split(":")
        is_arn = parts[0] == "arn"
        bare = parts[6] if is_arn else parts[0]
        unqualified = ":".join(parts[:7] if is_arn else parts[:1])
        return self._allowed.permits(bare, function, unqualified)


def _client_context(task: Task) -> str:
    """Return the key where it does not get in the way of the payload; Lambda wants it in base64."""
    context = {"custom": {"idempotencyKey": task.idempotency_key, "attempt": str(task.attempt)}}
    return base64.b64encode(json.dumps(context).encode()).decode()


def _parsed(body: bytes) -> Any:
    """Return the answer; a runtime that writes no JSON has written text."""
    text = body.decode("utf-8", "replace")
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _function_error(value: Any) -> TaskResult:
    """Return what a function raised; runtimes tell `{errorType, errorMessage}`."""
    told = value if isinstance(value, dict) else {"errorMessage": value}
    message, kind = told.get("errorMessage"), told.get("errorType")
    cause = message if isinstance(message, str) else json.dumps(value)
    if kind == "Sandbox.Timedout" or (kind is None and _TIMED_OUT.search(cause)):
        return TaskResult(error=TASK_TIMEOUT, cause=cause[:_SHOWN_CHARACTERS])
    name = _NOT_IN_NAMES.sub("_", kind)[:200] if isinstance(kind, str) and kind else "Unknown"
    return TaskResult(error=f"Lambda.{name}", cause=cause[:_SHOWN_CHARACTERS])

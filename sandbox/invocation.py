"""Calls one handler as Lambda does: with a context that counts down, and a clear record of what went wrong."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("worker")


@dataclass(frozen=True)
class Context:
    """What handlers read from Lambda's context. Times in seconds, but for the method that AWS named."""

    function_name: str
    timeout_seconds: float
    memory_limit_in_mb: int
    invoked_function_arn: str
    started: float = field(default_factory=time.monotonic)
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    @property
    def log_group_name(self) -> str:
        """As on AWS."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda would end the invocation."""
        return max(0, int((self.started + self.timeout_seconds - time.monotonic()) * 1000))


class InvocationFailed(Exception):
    """The handler raised or took too long; that has been logged."""


@dataclass(frozen=True)
class Function:
    """One handler of the app, and what its stage says about it."""

    name: str
    handler: Callable[[Any, Any], Any]
    full_name: str
    timeout_seconds: float
    memory_mb: int
    region: str

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer, or InvocationFailed."""
        arn = f"arn:aws:lambda:{self.region}:000000000000:function:{self.full_name}"
        context = Context(self.full_name, self.timeout_seconds, self.memory_mb, arn)
        try:
            result = self.handler(event, context)
        except (Exception, SystemExit) as error:
            log.exception("%s raised; request %s", self.name, context.aws_request_id)
            raise InvocationFailed(self.name) from error
        took = time.monotonic() - context.started
        if took > self.timeout_seconds:
            # A thread cannot be ended as Lambda ends a process; what follows is the same.
            log.error("%s took %.1f s; Lambda would have ended it after %g s", self.name, took, self.timeout_seconds)
            raise InvocationFailed(self.name)
        return result

"""An invocation counts down, and fails where Lambda would have ended it."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.api import BodyError, read_chunks
from sandbox.invocation import Context, Function, InvocationFailed


def function(handler: Callable[[Any, Any], Any], timeout_seconds: float = 3) -> Function:
    return Function("f", handler, "app-local-f", timeout_seconds, 128, "us-east-1")


def test_context() -> None:
    seen: list[Context] = []

    def handler(event: dict[str, int], context: Context) -> int:
        seen.append(context)
        return event["a"]

    assert function(handler).invoke({"a": 1}) == 1
    context = seen[0]
    assert 2900 < context.get_remaining_time_in_millis() <= 3000
    assert context.function_name == "app-local-f"
    assert context.log_group_name == "/aws/lambda/app-local-f"
    assert context.invoked_function_arn.endswith(":function:app-local-f")
    assert len(context.aws_request_id) == 36


def test_raised_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def handler(event: Any, context: Any) -> None:
        raise KeyError("lost")

    with caplog.at_level(logging.ERROR), pytest.raises(InvocationFailed):
        function(handler).invoke({})
    assert "KeyError: 'lost'" in caplog.text


def test_too_long_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(InvocationFailed):
        function(lambda event, context: time.sleep(0.02), 0.01).invoke({})
    assert "Lambda would have ended it" in caplog.text


def test_chunks() -> None:
    assert read_chunks(io.BytesIO(b"5\r\nhello\r\n6;x=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n")) == b"hello world"
    assert read_chunks(io.BytesIO(b"0\r\n\r\n")) is None
    for wrong in (b"x\r\n", b"", b"-1\r\n", b"2\r\nhello\r\n0\r\n\r\n"):
        with pytest.raises(BodyError):
            read_chunks(io.BytesIO(wrong))
    with pytest.raises(BodyError) as too_long:
        read_chunks(io.BytesIO(b"fffffff\r\n"))
    assert too_long.value.status == 413

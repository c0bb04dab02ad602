"""`queue`: sends a message to an SQS queue. The result is `{messageId}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import EXPRESSION_FAILED
from chalicelib.engine.expressions import Scope, Template, is_constant
from chalicelib.engine.steps.base import Call, Compiler, Enter, Fail, Outcome, StepType

MAX_DELAY_SECONDS = 900
FIFO = ".fifo"
_QUEUE_EXPECTED = "the name, the URL or the ARN of a queue"
_DELAY_EXPECTED = f"a whole number from 0 to {MAX_DELAY_SECONDS}"
_NAME = r"[A-Za-z0-9_-]{1,80}(\.fifo)?"
_QUEUE = re.compile(rf"(arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{{12}}:|https?://[A-Za-z0-9.:-]+/[0-9]{{12}}/)?{_NAME}")


def compile_queue(spec: Mapping[str, Any], compiler: Compiler) -> Enter:
    """Compile `queue`, `message` and `delaySeconds`; what is constant is checked here."""
    queue = compiler.template(spec["queue"], "/queue")
    message = compiler.template(spec["message"], "/message")
    delay = compiler.template(spec["delaySeconds"], "/delaySeconds") if "delaySeconds" in spec else None
    checks = (("queue", queue, _queue_flaw, _QUEUE_EXPECTED), ("delaySeconds", delay, _delay_flaw, _DELAY_EXPECTED))
    for name, template, check, expected in checks:
        flaw = check(template({})) if template is not None and is_constant(template) else None
        if template is not None and flaw is not None:
            compiler.complain(f"{compiler.path}/{name}", flaw, template({}), expected)
    _check_fifo(queue, delay, compiler)

    def enter(scope: Scope, _now_ms: int) -> Outcome:
        request = {"queue": queue(scope), "message": message(scope)}
        flaw = _queue_flaw(request["queue"])
        if delay is not None and flaw is None:
            request["delaySeconds"] = delay(scope)
            flaw = _delay_flaw(request["delaySeconds"])
        return Call("queue", request) if flaw is None else Fail(EXPRESSION_FAILED, flaw)

    return enter


def _check_fifo(queue: Template, delay: Template | None, compiler: Compiler) -> None:
    name = queue({}) if is_constant(queue) else ""
    if delay is not None and isinstance(name, str) and name.endswith(FIFO):
        message = "a FIFO queue delays all its messages alike, or none"
        compiler.complain(f"{compiler.path}/delaySeconds", message, name, "no delaySeconds, or another queue")


def _queue_flaw(value: Any) -> str | None:
    if isinstance(value, str) and _QUEUE.fullmatch(value):
        return None
    return f"expected {_QUEUE_EXPECTED}, found {values.text(value):.200}"


def _delay_flaw(value: Any) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value <= MAX_DELAY_SECONDS and value == int(value):
        return None
    found = f"{values.text(value):.80}"
    return f"delaySeconds must be {_DELAY_EXPECTED}, found {found}"


QUEUE = StepType(
    name="queue",
    properties={"queue": {"type": "string"}, "message": {}, "delaySeconds": {"type": ["number", "string"]}},
    required=("queue", "message"),
    compile=compile_queue,
    pure=False,
    default_timeout_seconds=30,
    max_timeout_seconds=45,
)

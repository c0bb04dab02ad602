"""The Lambdas behind queues and the clock: each hands its event to the processor, and nothing more.

Chalice lets such a Lambda import this module alone, never app.py, so all it needs is reached from here.
"""

from __future__ import annotations

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib.dead_letters import handle_dead_letters
from chalicelib.processor import handle_batch
from chalicelib.runtime import get_runtime
from chalicelib.settings import from_environment
from chalicelib.ticks import tick as look_around

BATCH_SIZE = 10
settings = from_environment()
blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(
    queue=settings.resource("execution-processor-queue"), batch_size=BATCH_SIZE, name="execution-processor"
)
def execution_processor(event: SQSEvent) -> None:
    """Drive executions whose messages are ready."""
    handle_batch(get_runtime(), event.to_dict(), _remaining_ms(event))


@blueprint.on_sqs_message(queue=settings.resource("timeout-queue"), batch_size=BATCH_SIZE, name="timeout-processor")
def timeout_processor(event: SQSEvent) -> None:
    """Drive executions whose delayed messages have become due."""
    handle_batch(get_runtime(), event.to_dict(), _remaining_ms(event))


@blueprint.on_sqs_message(
    queue=settings.resource("dead-letter-queue"), batch_size=BATCH_SIZE, name="dead-letter-processor"
)
def dead_letter_processor(event: SQSEvent) -> None:
    """Give messages that failed again and again another life, or fail their step visibly."""
    handle_dead_letters(get_runtime(), event.to_dict())


@blueprint.schedule("rate(1 minute)", name="tick")
def tick(_: CloudWatchEvent) -> None:
    """Ask for a look at every execution that is due before the next tick."""
    look_around(get_runtime())


def _remaining_ms(event: SQSEvent) -> int | None:
    """Return how much of the invocation's time is left, where the invoker says it."""
    ask = getattr(event.context, "get_remaining_time_in_millis", None)
    return None if ask is None else int(ask())

"""A blueprint, whose handlers must be found too."""

import json
import os
import threading

from chalice import Blueprint

more = Blueprint(__name__)
lock = threading.Lock()


def record(name, event, context):
    line = {
        "handler": name,
        "event": event,
        "function": context.function_name,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "pid": os.getpid(),
    }
    with lock, open(os.environ["SECOND_APP_RECORD"], "a") as file:
        file.write(json.dumps(line) + "\n")


@more.on_sqs_message(queue="second-blueprint", batch_size=1, name="from-blueprint")
def from_blueprint(event):
    record("from-blueprint", event.to_dict(), event.context)

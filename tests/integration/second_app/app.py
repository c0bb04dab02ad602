"""A Chalice app that has nothing to do with sedo: the worker and the API launcher must serve it all the same.

Each invocation becomes one JSON line in the file that SECOND_APP_RECORD names. Bodies tell the handler what to do.
"""

import json
import os
import time

from chalice import Chalice, Rate, Response
from chalicelib.more import more, record

app = Chalice(app_name="second")
app.register_blueprint(more)


@app.route("/health")
def health():
    return {"status": "ok"}


@app.route("/greeting")
def greeting():
    return {"greeting": os.environ["GREETING"]}


@app.route("/echo", methods=["POST"], content_types=["application/json", "text/plain"])
def echo():
    return Response((app.current_request.raw_body or b"").decode(), headers={"Content-Type": "text/plain"})


@app.route("/slow")
def slow_route():
    time.sleep(1)
    return {"slow": True}


@app.on_sqs_message(queue="second-plain", batch_size=10)
def plain(event):
    record("plain", event.to_dict(), event.context)
    for message in event:
        match json.loads(message.body):
            case {"do": "raise"}:
                raise ValueError("told to raise")
            case {"do": "sleep", "seconds": seconds}:
                time.sleep(seconds)
                record("slept", {}, event.context)


@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:second-partial", batch_size=5)
def partial(event):
    """Reports the messages that say so as failed."""
    records = event.to_dict()["Records"]
    record("partial", event.to_dict(), event.context)
    failed = [r["messageId"] for r in records if json.loads(r["body"])["do"] == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@app.on_sqs_message(queue="second-slow", batch_size=1)
def slow(event):
    """Longer than its function's timeout of a second."""
    record("slow", event.to_dict(), event.context)
    time.sleep(1.5)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def every_minute(event):
    record("every_minute", event.to_dict(), event.context)

"""Does for a Chalice app on a laptop what AWS does: delivers queue messages and schedules to its handlers.

    python -m sandbox.worker [--project DIR] [--stage local] [--threads 2] [--no-schedules] [--health-port PORT]

It knows no particular app: what is registered with `on_sqs_message` and `schedule`, in the app or in its blueprints,
is found and served. Endpoint and credentials come from the AWS SDK's own environment variables.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from chalice.app import ScheduledEventConfig, SQSEventConfig
from chalice.config import Config as ChaliceConfig

from sandbox import chalice_app, schedules
from sandbox.invocation import Function
from sandbox.sources import POLL_SECONDS, Queue, Source, Ticker

log = logging.getLogger("worker")

DEFAULT_TIMEOUT_SECONDS = 60
DEFAULT_MEMORY_MB = 128
FINISH_SECONDS = 25.0


def find_sources(
    app: Any, config: ChaliceConfig, stop: threading.Event, threads: int, with_schedules: bool
) -> Iterator[Source]:
    """One source for each thread: several to a queue, one to a schedule."""
    # Requests are retried by the polling loop itself, which says so.
    client = boto3.client("sqs", config=Config(max_pool_connections=64, retries={"total_max_attempts": 1}))
    region = client.meta.region_name
    for event_source in app.event_sources:
        function = make_function(app, config, event_source.name, region)
        if isinstance(event_source, SQSEventConfig):
            queue_name = event_source.queue or str(event_source.queue_arn).rsplit(":", 1)[-1]
            for _ in range(min(threads, event_source.maximum_concurrency or threads)):
                batch, window = event_source.batch_size, event_source.maximum_batching_window_in_seconds
                yield Queue(
                    event_source.name, function, stop, "starting", queue_name, batch, window or 0, client=client
                )
        elif isinstance(event_source, ScheduledEventConfig) and with_schedules:
            expression = event_source.schedule_expression
            text = expression if isinstance(expression, str) else expression.to_string()
            yield Ticker(event_source.name, function, stop, schedule=schedules.parse(text), region=region)
        elif not isinstance(event_source, ScheduledEventConfig):
            log.warning("%s: %s is not served on a laptop", event_source.name, type(event_source).__name__)


def make_function(app: Any, config: ChaliceConfig, name: str, region: str) -> Function:
    """The handler with its stage's timeout; its own variables are set where nothing else did."""
    scoped = config.scope(config.chalice_stage, name)
    for variable, value in scoped.environment_variables.items():
        os.environ.setdefault(variable, value)
    return Function(
        name,
        app.handler_map[name],
        f"{config.app_name}-{config.chalice_stage}-{name}",
        scoped.lambda_timeout or DEFAULT_TIMEOUT_SECONDS,
        scoped.lambda_memory_size or DEFAULT_MEMORY_MB,
        region,
    )


def serve_health(sources: Sequence[Source], host: str, port: int) -> None:
    """GET anything: 200 while every source works, else 503, with the troubles in JSON."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            troubles = {source.name: source.trouble for source in sources if source.trouble}
            body = json.dumps({"status": "trouble" if troubles else "ok", "troubles": troubles}).encode()
            self.send_response(503 if troubles else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Health checks are not worth a line each."""

    threading.Thread(target=ThreadingHTTPServer((host, port), Health).serve_forever, daemon=True).start()


def finish(threads: Sequence[threading.Thread], seconds: float) -> bool:
    """Whether all polls and handlers ended in time."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def work(sources: Sequence[Source], stop: threading.Event, finish_seconds: float) -> bool:
    """Runs every source in a thread until the stop signal. Daemons, so that a stuck handler cannot keep the process."""
    threads = [threading.Thread(target=run_or_exit, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    log.info("serving %s", ", ".join(dict.fromkeys(source.name for source in sources)) or "nothing: no handlers found")
    stop.wait()
    log.info("stopping: no more polls; running handlers may finish")
    return finish(threads, finish_seconds + POLL_SECONDS)


def run_or_exit(source: Source) -> None:
    """A thread that dies would leave its queue without anybody: better that the process dies, visibly."""
    try:
        source.run()
    except BaseException:
        log.exception("%s: the worker itself failed", source.name)
        logging.shutdown()
        os._exit(70)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a clean end, 1 when handlers had to be left behind."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.worker")
    parser.add_argument("--project", type=Path, default=Path.cwd())
    parser.add_argument("--stage", default=chalice_app.STAGE)
    parser.add_argument("--threads", type=int, default=2, help="polling threads for each queue (2)")
    parser.add_argument("--no-schedules", action="store_true", help="for all workers of an app but one")
    parser.add_argument("--finish-seconds", type=float, default=FINISH_SECONDS, help="for handlers that run at the end")
    parser.add_argument("--health-host", default="127.0.0.1")
    parser.add_argument("--health-port", type=int)
    asked = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    app, config = chalice_app.load(asked.project, asked.stage)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    sources = list(find_sources(app, config, stop, max(1, asked.threads), not asked.no_schedules))
    if asked.health_port:
        serve_health(sources, asked.health_host, asked.health_port)
    ended = work(sources, stop, asked.finish_seconds)
    log.info("ended" if ended else "handlers still ran; their messages will come again")
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main())

"""Forks workers that start in a tenth of a second, so that one that is killed every second has a life to lose.

    python -m tests.faults.zygote [arguments of sandbox.worker ...]

Everything slow (imports, models of AWS) is loaded once, before any thread or connection exists. Each line on stdin,
`LOGFILE ENDPOINT`, starts a worker in a session of its own; its process id is the answer. When stdin ends, so do all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from sandbox import worker


def warm() -> None:
    """Load what every worker needs."""
    import boto3

    import chalicelib.adapters.dynamodb
    import chalicelib.adapters.http_runner
    import chalicelib.adapters.sqs
    import chalicelib.processor_handlers

    sys.path.insert(0, os.getcwd())
    import app

    for service in ("sqs", "dynamodb"):
        boto3.client(service)
    assert app.app.app_name
    assert chalicelib.processor_handlers.settings.prefix


def become_worker(log: str, endpoint_url: str, arguments: Sequence[str]) -> None:
    """Never returns."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ["AWS_ENDPOINT_URL"] = endpoint_url
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    silent = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silent, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 70
    try:
        code = worker.main(arguments)
    finally:
        os._exit(code)


def main(arguments: Sequence[str]) -> None:
    """Serve requests until stdin ends."""
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the killed
    children: list[int] = []
    print("ready", flush=True)
    while line := sys.stdin.readline():
        log, endpoint_url = line.split()
        child = os.fork()
        if child == 0:
            become_worker(log, endpoint_url, arguments)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])

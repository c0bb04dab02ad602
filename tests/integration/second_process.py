"""Starts the worker or the API launcher on the second app, as the processes that they are."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sandbox import net
from sandbox.bootstrap import ROOT
from sandbox.emulators import aws_environment
from sandbox.processes import Part, Reaper

APP = Path(__file__).parent / "second_app"


class Record:
    """What the second app's handlers wrote about their invocations."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def lines(self, handler: str) -> list[dict[str, Any]]:
        """Of one handler, in their order."""
        if not self.file.exists():
            return []
        lines = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [line for line in lines if line["handler"] == handler]

    def bodies(self, handler: str) -> list[str]:
        """Of all messages that a handler was given."""
        return [record["body"] for line in self.lines(handler) for record in line["event"]["Records"]]


@contextlib.contextmanager
def worker(ministack_url: str, folder: Path, *words: str) -> Iterator[tuple[Part, Record]]:
    """Healthy when given, ended (by SIGTERM, then by force) afterwards."""
    port = net.free_port()
    record = Record(folder / "record")
    environment = {**aws_environment(ministack_url), "SECOND_APP_RECORD": str(record.file), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "sandbox.worker", "--project", str(APP), "--health-port", str(port), *words]
    with Reaper() as reaper:
        part = Part("worker", command, folder / "worker.log", reaper, environment, cwd=folder)
        try:
            part.start()
            part.wait_until(lambda: net.answers(f"http://127.0.0.1:{port}/"), 20)
            yield part, record
        finally:
            part.end(10)


def wait_for(condition: Callable[[], bool], within_seconds: float) -> None:
    """Fails the test when it does not come true."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s"
        time.sleep(0.05)

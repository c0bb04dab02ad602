"""sedo on an emulator for fault tests: tables and queues of its own, short intervals, workers that can be killed.

The test process itself plays the API (it calls the use cases) and the clock that ticks.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib import service, ticks
from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.engine.execution import Execution
from chalicelib.ports import Unavailable
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings, from_environment
from sandbox.emulators import REGION, aws_environment
from sedo.memory_queue import MemoryTaskRunner
from tests.faults.errands import TENANT

ROOT = Path(__file__).resolve().parents[2]
INTERVALS = {
    "SEDO_WATCHDOG_SECONDS": "8",
    "SEDO_API_WATCHDOG_SECONDS": "8",
    "SEDO_LIVES_DELAYS_SECONDS": "1,2,4,8",
    "SEDO_TICK_SECONDS": "2",
    "SEDO_TIME_BUDGET_SECONDS": "5",
    "SEDO_HTTP_ALLOW_PRIVATE": "true",
}
COUNTS = "ApproximateNumberOfMessages"
log = logging.getLogger("tests.faults")


class Workers:
    """Worker processes, forked from one that has everything loaded (zygote.py)."""

    def __init__(self, environment: Mapping[str, str | None], folder: Path) -> None:
        merged = {**os.environ, **environment}
        self.pids: list[int] = []
        self.log = folder / "workers.log"
        self._endpoint_url = str(environment["AWS_ENDPOINT_URL"])
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote", "--threads", "2", "--no-schedules"],
            cwd=ROOT,
            env={name: value for name, value in merged.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._zygote.stdout is not None
        assert self._zygote.stdout.readline() == "ready\n", "the workers' parent did not start"

    def start(self, endpoint_url: str | None = None) -> None:
        """Start one more, on the emulator or on what stands before it."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(f"{self.log} {endpoint_url or self._endpoint_url}\n")
        self._zygote.stdin.flush()
        self.pids.append(int(self._zygote.stdout.readline()))

    def kill(self, place: int) -> None:
        """SIGKILL: no handler runs, nothing is put in order."""
        os.kill(self.pids.pop(place), signal.SIGKILL)

    def end(self) -> None:
        """Kill what is left."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(30)
        self._zygote.stdout.close()

    def said(self) -> str:
        """What all have logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@dataclass
class Deployment:
    """One installation on an emulator, under a prefix of its own."""

    settings: Settings
    runtime: Runtime
    clients: Clients
    workers: Workers

    def queue_url(self, queue: str) -> str:
        """The URL of one of the three queues."""
        return self.clients.sqs.get_queue_url(QueueName=self.settings.resource(queue))["QueueUrl"]

    def send_raw(self, body: str, queue: str = READY) -> None:
        """Put any text on a queue."""
        self.clients.sqs.send_message(QueueUrl=self.queue_url(queue), MessageBody=body)

    def purge(self) -> None:
        """Lose everything on all queues."""
        for queue in (READY, TIMEOUT, DEAD_LETTER):
            self.clients.sqs.purge_queue(QueueUrl=self.queue_url(queue))

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds: visible, hidden or delayed."""
        found = self.clients.sqs.get_queue_attributes(QueueUrl=self.queue_url(queue), AttributeNames=["All"])
        return sum(int(value) for name, value in found["Attributes"].items() if name.startswith(COUNTS))

    def start(self, definition_id: str, input: Any, name: str | None = None) -> str:
        """Start an execution; by name, so that a caller may repeat it when AWS was away."""
        name = name or uuid.uuid4().hex
        for _ in range(20):
            try:
                return service.start_execution(self.runtime, TENANT, definition_id, input, actor="tests", name=name).id
            except Unavailable:
                time.sleep(0.5)
        raise AssertionError("AWS was away for too long")

    def head(self, execution_id: str) -> Execution:
        """One head."""
        return service.load_execution(self.runtime, TENANT, execution_id)

    def wait_for_ends(self, execution_ids: list[str], within_seconds: float) -> dict[str, Execution]:
        """Return all heads once all have ended; else say which have not, and where they stand."""
        deadline = time.monotonic() + within_seconds
        ended: dict[str, Execution] = {}
        while True:
            open_ids = [name for name in execution_ids if name not in ended]
            for start in range(0, len(open_ids), 100):
                for name, head in self.runtime.store.load(open_ids[start : start + 100]).items():
                    assert isinstance(head, Execution), head
                    if head.ended:
                        ended[name] = head
            if len(ended) == len(execution_ids):
                return ended
            assert time.monotonic() < deadline, self._stuck([name for name in execution_ids if name not in ended])
            time.sleep(1)

    def _stuck(self, names: list[str]) -> str:
        heads = [self.head(name) for name in names[:5]]
        shown = "\n".join(f"{head.id} {head.version} {head.step} due {head.due_at_ms} {head.cursors}" for head in heads)
        queues = {queue: self.waiting(queue) for queue in (READY, TIMEOUT, DEAD_LETTER)}
        return f"{len(names)} executions have not ended, queues hold {queues}:\n{shown}"

    @contextlib.contextmanager
    def ticking(self) -> Iterator[None]:
        """Call the tick as often as the settings say, as a schedule would."""
        with every(lambda: self.settings.tick_seconds, self._tick):
            yield

    def _tick(self) -> None:
        try:
            ticks.tick(self.runtime)
        except Unavailable as error:
            log.warning("tick: %s", error)

    @contextlib.contextmanager
    def killing(self, chance: random.Random) -> Iterator[list[int]]:
        """Kill one worker after another, every half to two seconds, and start it again at once."""
        kills = [0]

        def strike() -> None:
            self.workers.kill(chance.randrange(len(self.workers.pids)))
            self.workers.start()
            kills[0] += 1

        with every(lambda: chance.uniform(0.5, 2.0), strike):
            yield kills


@contextlib.contextmanager
def every(pause: Callable[[], float], action: Callable[[], None]) -> Iterator[None]:
    """Do something again and again in a thread; what it raises is raised at the end."""
    stop = threading.Event()
    broken: list[BaseException] = []

    def run() -> None:
        try:
            while not stop.wait(pause()):
                action()
        except BaseException as error:
            log.exception("what is done again and again has ended")  # for where something else is raised before that
            broken.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if broken:
        raise broken[0]


@contextlib.contextmanager
def deployed(
    emulator_url: str,
    folder: Path,
    *,
    visibility_seconds: int = 6,
    max_receive_count: int = 4,
    endpoint_url: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Provision a deployment and take it away again with its workers. `variables` change INTERVALS."""
    own = {"SEDO_PREFIX": f"f{uuid.uuid4().hex[:8]}-", "SEDO_MAX_RECEIVE_COUNT": str(max_receive_count)}
    environment = {**aws_environment(emulator_url), **INTERVALS, **(variables or {}), **own}
    parameters = (f"VisibilityTimeoutSeconds={visibility_seconds}", f"MaxReceiveCount={max_receive_count}")
    provision(environment, *(word for parameter in parameters for word in ("--parameter", parameter)))
    settings = from_environment({name: value for name, value in environment.items() if value is not None})
    clients = Clients(settings, endpoint_url=endpoint_url or emulator_url, region=REGION)
    workers = Workers(environment, folder)
    try:
        yield Deployment(settings, runtime_on(clients), clients, workers)
    finally:
        workers.end()
        provision(environment, "--delete")


def runtime_on(clients: Clients) -> Runtime:
    """A runtime of this process on an endpoint of its own."""
    return Runtime(
        settings=clients.settings,
        store=DynamoStore(clients, lambda: time.time_ns() // 1_000_000),
        queue=SqsQueue(clients),
        tasks=MemoryTaskRunner(),
        now_ms=lambda: time.time_ns() // 1_000_000,
        nonces=lambda: uuid.uuid4().hex[:16],
        sleep=time.sleep,
    )


def provision(environment: Mapping[str, str | None], *arguments: str) -> None:
    """Run the sandbox's provisioning as everybody does."""
    merged = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.provision", *arguments],
        cwd=ROOT,
        env={name: value for name, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

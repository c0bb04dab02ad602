"""A LocalStack for a test run: by Docker where an engine runs, else natively, else none, with the reason."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox import bootstrap, emulators, net
from sandbox.localstack import install
from sandbox.processes import Part, PartError, Reaper

URL_VARIABLE = "SEDO_TEST_LOCALSTACK_URL"
PULL_AND_START_SECONDS = 600
END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """Where LocalStack answers; with no URL, why there is none."""

    url: str = ""
    how: str = ""
    reason: str = ""


@contextlib.contextmanager
def for_tests() -> Iterator[Found]:
    """One that the environment names is used as it is and left alone."""
    named = os.environ.get(URL_VARIABLE)
    if named:
        yield Found(named, "as the environment names it")
        return
    by_docker = "no Docker engine runs here"
    if has_docker():
        project = f"sedo-test-{os.getpid()}"
        port = net.free_port()
        failure = compose(project, port, "up", "--detach", "--wait", "localstack")
        try:
            if failure is None:
                yield Found(f"http://{net.HOST}:{port}", "by docker compose")
                return
        finally:
            compose(project, port, "down", "--volumes", "--timeout", "5")
        by_docker = f"docker compose could not start it: {failure}"
    reason = install.missing()
    if reason:
        yield Found(reason=f"{by_docker}; {reason}")
        return
    with native() as found:
        yield found if found.url else Found(reason=f"{by_docker}; {found.reason}")


def has_docker() -> bool:
    """An engine that answers, and Compose."""
    try:
        return all(
            subprocess.run(["docker", *words], capture_output=True, timeout=30, check=False).returncode == 0
            for words in (("info",), ("compose", "version"))
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def compose(project: str, port: int, *words: str) -> str | None:
    """Runs it on our file under a name and a port of its own; the last line it said if it failed."""
    command = ["docker", "compose", "--project-name", project, *words]
    environment = {**os.environ, "SEDO_LOCALSTACK_PORT": str(port)}
    try:
        done = subprocess.run(
            command,
            cwd=bootstrap.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PULL_AND_START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not within {PULL_AND_START_SECONDS} s"
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no word"])[-1]


@contextlib.contextmanager
def native() -> Iterator[Found]:
    """Started by scripts/localstack, which installs it at its first use."""
    emulator = emulators.localstack(net.free_port())
    with Reaper() as reaper:
        log = Path(bootstrap.STATE) / "logs" / f"localstack-{time.monotonic_ns()}.log"
        part = Part("LocalStack", emulator.command, log, reaper, emulator.env)
        try:
            part.start()
            part.wait_until(emulator.is_healthy, emulator.ready_within_seconds)
        except PartError as error:
            part.end(END_SECONDS)
            yield Found(reason=f"natively it did not start: {error}")
            return
        try:
            yield Found(emulator.url, "natively")
        finally:
            part.end(END_SECONDS)

"""Brings up emulator, resources, API and worker as the sandbox does, with counted processes and an echo server."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sandbox import net
from sandbox.bootstrap import ROOT
from sandbox.emulators import SERVICES, Emulator
from sandbox.options import Options
from sandbox.processes import Part, Reaper
from sandbox.up import CODE_END_SECONDS, Sandbox, end_all
from sedo.bench import counted
from sedo.bench.memory_use import resident_bytes


class Stage(Sandbox):
    """The sandbox, but that requests are counted, steps may call this machine, and emulators get Step Functions."""

    def __init__(self, emulator: str, workers: int, reaper: Reaper, counts: Path) -> None:
        options = Options(
            word=None,
            api_port=None,
            emulator=emulator,
            emulator_port=None,
            workers=workers,
            data=None,
            run=None,
            input=None,
            tenant="bench",
        )
        super().__init__(options, reaper, lambda: None, private=True)
        self.counts = counts
        self.environment |= {"SEDO_HTTP_ALLOW_PRIVATE": "true", counted.VARIABLE: str(counts)}

    def choose_emulator(self) -> Emulator:
        """The sandbox itself needs no Step Functions."""
        emulator = super().choose_emulator()
        if emulator.env.get("SERVICES"):
            return replace(emulator, env={**emulator.env, "SERVICES": f"{SERVICES},stepfunctions"})
        return emulator

    def python(self, name: str, module: str, *words: str) -> Part:
        """API and workers are counted."""
        if module in ("sandbox.api", "sandbox.worker"):
            return super().python(name, "sedo.bench.counted", module, *words)
        return super().python(name, module, *words)

    def requests(self) -> int:
        """How many requests API and workers have made to AWS until now."""
        return counted.total(self.counts)

    def resident_megabytes(self) -> dict[str, int]:
        """The memory of API and workers."""
        return {p.name: resident_bytes(p.process.pid) // 2**20 for p in self.code if p.process and p.is_running()}

    def end_code(self) -> None:
        """End API and workers: an engine inside the emulator gets the machine for itself."""
        end_all(self.code, CODE_END_SECONDS)


@contextlib.contextmanager
def up(emulator: str, workers: int) -> Iterator[Stage]:
    """A stage for the length of a `with`, on free ports."""
    folder = Path(tempfile.mkdtemp(prefix="sedo-bench-"))
    with Reaper() as reaper:
        stage = Stage(emulator, workers, reaper, folder)
        try:
            stage.start()
            yield stage
        finally:
            stage.end()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def echo_server() -> Iterator[str]:
    """The URL of an echo server for the length of a `with`."""
    port = net.free_port()
    folder = Path(tempfile.mkdtemp(prefix="sedo-bench-"))
    with Reaper() as reaper:
        command = (sys.executable, "-m", "sedo.bench.echo_server", str(port))
        part = Part("echo server", command, folder / "echo.log", reaper, cwd=ROOT)
        try:
            part.start()
            part.wait_until(lambda: net.answers(f"http://{net.HOST}:{port}/count"), 10.0)
            yield f"http://{net.HOST}:{port}/"
        finally:
            part.end(2.0)
            shutil.rmtree(folder, ignore_errors=True)

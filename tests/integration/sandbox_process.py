"""Runs scripts/sandbox as people do: as a command, with signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import net
from sandbox.bootstrap import ROOT

COMMAND = str(ROOT / "scripts" / "sandbox")


@dataclass
class Running:
    """A sandbox that has said it is ready."""

    process: subprocess.Popen[str]
    api_port: int
    emulator_port: int

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what it said since it was ready."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said

    def ports_are_free(self) -> bool:
        return net.is_free(self.api_port) and net.is_free(self.emulator_port)


@contextlib.contextmanager
def sandbox(*words: str) -> Iterator[Running]:
    """On free ports; ended afterwards whatever the test did."""
    api_port, emulator_port = net.free_port(), net.free_port()
    ports = ["--api-port", str(api_port), "--emulator-port", str(emulator_port)]
    process = subprocess.Popen([COMMAND, *ports, *words], stderr=subprocess.PIPE, text=True)
    running = Running(process, api_port, emulator_port)
    try:
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("Ctrl-C ends"):
                break
        assert f"sedo is ready: {running.api_url}\n" in said, said
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def command(*words: str, given: str | None = None, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One that ends by itself."""
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, timeout=90, input=given, cwd=folder)


def ask(url: str, body: Any = None) -> Any:
    """JSON in, JSON out; a body makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, not counting one that only waits to be collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return not state.startswith("Z")

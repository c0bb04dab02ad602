"""Child processes: each in a session of its own, its output in a log file, ended whole, never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

REAPER = Path(__file__).with_name("reaper.py")


class PartError(RuntimeError):
    """A part of the sandbox failed; the text names it and shows the last lines of its log."""


class Reaper:
    """The helper process that outlives this one by just as long as it takes to end what this one started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(REAPER)], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Reaper:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def watch(self, group: int) -> None:
        """From now on the group ends when this process does."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """The group has ended, and its number may soon be another's."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """Ends what is still watched."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            # Somebody killed the reaper: the ordinary way to end the parts still works.
            return


@dataclass
class Part:
    """One process of the sandbox. `env` is added to ours; a name with None is taken away."""

    name: str
    command: Sequence[str]
    log: Path
    reaper: Reaper
    env: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """The log is begun anew at the first start of a run and continued by restarts."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self.env}
        with self.log.open("ab" if self.process else "wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env={name: value for name, value in environment.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self.pass_fds,
                start_new_session=True,
            )
        self.reaper.watch(self.process.pid)

    def is_running(self) -> bool:
        """False before the start and after any end."""
        return self.process is not None and self.process.poll() is None

    def ask_to_end(self) -> None:
        """SIGTERM to the process itself, which knows how to end its own children."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def end(self, grace_seconds: float) -> None:
        """Asks, waits, then makes sure that the whole group is gone."""
        if self.process is None:
            return
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_seconds)
        kill_group(self.process.pid)
        self.process.wait()
        self.reaper.forget(self.process.pid)

    def wait_until(self, healthy: Callable[[], bool], within_seconds: float) -> None:
        """Raises PartError when the process ends first, or time runs out."""
        deadline = time.monotonic() + within_seconds
        while not healthy():
            if not self.is_running():
                raise PartError(self.obituary())
            if time.monotonic() > deadline:
                raise PartError(f"{self.name} was not ready within {within_seconds:.0f} s.\n{self.tail()}")
            time.sleep(0.03)

    def wait_for_success(self, within_seconds: float, check: Callable[[], None]) -> None:
        """For a part that does its work and ends; raises PartError where it did not end well."""
        deadline = time.monotonic() + within_seconds
        while self.is_running():
            check()
            if time.monotonic() > deadline:
                raise PartError(f"{self.name} did not end within {within_seconds:.0f} s.\n{self.tail()}")
            time.sleep(0.03)
        if self.process is None or self.process.returncode != 0:
            raise PartError(self.obituary())

    def obituary(self) -> str:
        """What is known of a part that died by itself."""
        code = self.process.poll() if self.process else None
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return f"{self.name} {how}.\n{self.tail()}"

    def tail(self, lines: int = 12) -> str:
        """The last lines of the log, read from its end, however long it has become."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            last = log.read().decode(errors="replace").splitlines()[-lines:]
        shown = "\n".join(f"  | {line}" for line in last) or "  | (it wrote nothing)"
        return f"{shown}\n  whole log: {self.log}"


def kill_group(group: int) -> None:
    """Whatever of it is left."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""The whole sandbox: starts its parts in their order, watches them, restarts what runs our code, ends them all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from sandbox import emulators, net
from sandbox.bootstrap import ROOT, STATE, say
from sandbox.code_watch import CodeWatch
from sandbox.emulators import Emulator
from sandbox.options import API_PORT, EMULATOR_PORTS, Options
from sandbox.processes import Part, PartError, Reaper, is_alive

READY_SECONDS = 90.0
PROVISION_SECONDS = 360.0
FINISH_SECONDS = 5
CODE_END_SECONDS = FINISH_SECONDS + 3.0
RUNNING = STATE / "run"

# On a laptop the services that http steps call are on the laptop, and functions, queues and secrets are the emulator's;
# in an account definitions reach what they are allowed to.
OPEN = {
    "SEDO_HTTP_ALLOW_PRIVATE": "true",
    "SEDO_LAMBDA_ALLOWED": "*",
    "SEDO_QUEUE_ALLOWED": "*",
    "SEDO_SECRETS": "secretsmanager:sedo",
}


class Sandbox:
    """`private` is for one run: ports that nobody asked for are free ones, and logs do not replace those of others."""

    def __init__(self, options: Options, reaper: Reaper, check: Callable[[], None], private: bool = False) -> None:
        self.options, self.reaper, self.check, self.private = options, reaper, check, private
        self.parts: list[Part] = []
        self.code: list[Part] = []
        self.code_is_broken = False
        self.keeps_logs = False
        self.lock: IO[str] | None = None
        self.listener = listen_for_api(0 if private and not options.api_port else options.api_port or API_PORT)
        self.api_url = f"http://{net.HOST}:{self.listener.getsockname()[1]}"
        self.folder = self.choose_folder()
        self.emulator = self.choose_emulator()
        self.environment = {
            **emulators.aws_environment(self.emulator.url),
            "PYTHONUNBUFFERED": "1",
            **{name: os.environ.get(name, value) for name, value in OPEN.items()},
        }

    def choose_folder(self) -> Path:
        """Logs and the emulator's scratch files: apart for each sandbox, or two would write to the same."""
        if self.private:
            remove_old_private_folders()
            return STATE / f"private-{os.getpid()}"
        port = self.listener.getsockname()[1]
        return STATE / "logs" / ("" if port == API_PORT else str(port))

    def choose_emulator(self) -> Emulator:
        """What the options name, on a port that is free."""
        name = self.options.emulator
        if "://" in name:
            return emulators.external(name)
        port = self.options.emulator_port or (net.free_port() if self.private else EMULATOR_PORTS[name])
        if not net.is_free(port):
            raise PartError(
                f"port {port}, where {name} should listen, is in use: --emulator-port chooses another, "
                f"--emulator http://{net.HOST}:{port} uses what runs there"
            )
        if name == "localstack":
            return emulators.localstack(port)
        return emulators.ministack(port, self.lock_data(), self.folder / "ministack")

    def lock_data(self) -> Path | None:
        """Two emulators that save to one folder would undo each other's work."""
        if self.options.data is None:
            return None
        state = self.options.data.resolve() / "ministack"
        state.mkdir(parents=True, exist_ok=True)
        self.lock = (state.parent / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PartError(f"another sandbox keeps its state in {self.options.data}") from None
        return state

    def start(self) -> None:
        """Everything up and healthy, or PartError. All starts at once; what needs the resources waits for them."""
        api = self.add_code("api", "sandbox.api", "--fd", str(self.listener.fileno()))
        api.pass_fds = (self.listener.fileno(),)
        api.start()
        workers: list[tuple[Part, str]] = []
        for number in range(self.options.workers):
            port = net.free_port()
            # Every schedule fires once, however many workers there are.
            only_one = ["--no-schedules"] if number else []
            words = ["--health-port", str(port), "--finish-seconds", str(FINISH_SECONDS), *only_one]
            worker = self.add_code(f"worker-{number + 1}", "sandbox.worker", *words)
            worker.start()
            workers.append((worker, f"http://{net.HOST}:{port}/"))
        self.health = [(api, f"{self.api_url}/health"), *workers]
        self.start_emulator()
        self.provision()
        # The first request that needs AWS imports and connects; better now than at somebody's first curl.
        first = f"{self.api_url}/sedo/tenants/sandbox/definitions?limit=1"
        threading.Thread(target=net.fetch, args=(first, READY_SECONDS, True), daemon=True).start()
        self.wait_for_code()

    def start_emulator(self) -> None:
        """Ours until it is ready; others' must be ready."""
        emulator = self.emulator
        if not emulator.command:
            if not emulator.is_healthy():
                raise PartError(f"no emulator answers at {emulator.url}")
            return
        part = Part(emulator.name, emulator.command, self.log(emulator.name), self.reaper, emulator.env)
        self.parts.insert(0, part)
        part.start()
        part.wait_until(self.or_asked_to_end(emulator.is_healthy), emulator.ready_within_seconds)

    def provision(self) -> None:
        """Tables and queues, by a process of its own: it needs the emulator's environment."""
        part = self.python("resources", "sandbox.provision")
        part.start()
        try:
            part.wait_for_success(PROVISION_SECONDS, self.check)
        finally:
            part.end(1.0)

    def python(self, name: str, module: str, *words: str) -> Part:
        """A part that is one of our modules."""
        command = (sys.executable, "-P", "-m", module, *words)
        return Part(name, command, self.log(name), self.reaper, self.environment, cwd=ROOT)

    def add_code(self, name: str, module: str, *words: str) -> Part:
        """A part that runs the app's code, and is restarted when that changes."""
        part = self.python(name, module, *words)
        self.parts.append(part)
        self.code.append(part)
        return part

    def log(self, name: str) -> Path:
        """Where a part's output goes."""
        return self.folder / f"{name}.log"

    def or_asked_to_end(self, healthy: Callable[[], bool]) -> Callable[[], bool]:
        """A health check that a signal ends."""

        def checked() -> bool:
            self.check()
            return healthy()

        return checked

    def wait_for_code(self) -> None:
        """The API and all workers say that they are well."""
        for part, url in self.health:
            part.wait_until(self.or_asked_to_end(lambda url=url: net.answers(url, 0.5)), READY_SECONDS)  # type: ignore[misc]

    def look(self) -> None:
        """Raises PartError when a part died by itself. Code that broke by a change is waited for instead."""
        for part in self.parts:
            if not part.is_running() and not (self.code_is_broken and part in self.code):
                raise PartError(part.obituary())

    def stay(self) -> None:
        """Until a signal comes (AskedToEnd) or a part dies (PartError)."""
        with CodeWatch(ROOT) as watch:
            while True:
                self.check()
                self.look()
                changed = watch.changed_within(0.2)
                if changed:
                    self.reload(changed)

    def reload(self, changed: str) -> None:
        """New processes with the new code. Requests that come meanwhile wait, since the socket stays open."""
        say(f"{changed} changed: reloading")
        end_all(self.code, CODE_END_SECONDS)
        for part in self.code:
            part.start()
        try:
            self.wait_for_code()
        except PartError as error:
            self.code_is_broken = True
            say(f"sandbox: {error}\n  waiting for the next change")
            return
        self.code_is_broken = False
        say("reloaded")

    def end(self) -> None:
        """What runs our code first, so that the emulator saves what that did last."""
        end_all(self.code, CODE_END_SECONDS)
        end_all([part for part in self.parts if part not in self.code], emulators.END_SECONDS)
        self.listener.close()
        if self.lock:
            self.lock.close()
        shutil.rmtree(self.folder / "ministack", ignore_errors=True)
        if self.private and not self.keeps_logs:
            shutil.rmtree(self.folder, ignore_errors=True)


def listen_for_api(port: int) -> socket.socket:
    """Kept open through reloads. Raises PartError with a hint."""
    try:
        return net.listen(port)
    except OSError:
        url = f"http://{net.HOST}:{port}"
        hint = f"is sedo up already? {url}/health answers; " if net.answers(f"{url}/health") else ""
        message = f"port {port}, where the API should listen, is in use: {hint}--api-port chooses another"
        raise PartError(message) from None


def remove_old_private_folders() -> None:
    """A run that broke leaves its logs to be read, until the next run."""
    for folder in STATE.glob("private-*"):
        pid = folder.name.rpartition("-")[2]
        if pid.isdecimal() and not is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def end_all(parts: list[Part], grace_seconds: float) -> None:
    """All are asked before the first is waited for."""
    for part in parts:
        part.ask_to_end()
    deadline = time.monotonic() + grace_seconds
    for part in parts:
        part.end(max(0.1, deadline - time.monotonic()))


@contextlib.contextmanager
def noted(sandbox: Sandbox) -> Iterator[None]:
    """A file that tells `status`, `env` and `reset` about the sandbox as long as it is up."""
    RUNNING.mkdir(parents=True, exist_ok=True)
    note = RUNNING / f"{sandbox.api_url.rsplit(':', 1)[-1]}.json"
    facts = {
        "pid": os.getpid(),
        "api": sandbox.api_url,
        "emulator": sandbox.emulator.name,
        "emulatorUrl": sandbox.emulator.url,
        "logs": str(sandbox.folder),
        "parts": {part.name: part.process.pid for part in sandbox.parts if part.process},
    }
    note.write_text(json.dumps(facts))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)

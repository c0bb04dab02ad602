"""The words `status`, `env` and `reset`: what they tell and do about a sandbox, up or not."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from sandbox import emulators, net
from sandbox.bootstrap import ROOT, say
from sandbox.options import API_PORT, EMULATOR_PORTS, Options
from sandbox.processes import is_alive
from sandbox.up import RUNNING

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def status(options: Options) -> int:
    """0 when the API answers, 1 when not."""
    note = find_note(options)
    up = net.answers(f"{options.api_url}/health")
    print(f"API       {options.api_url}  {'answers' if up else 'does not answer'}")
    if note is None:
        print("sandbox   none was started for this port" + (" by scripts/sandbox" if up else ""))
        return 0 if up else 1
    well = net.answers(f"{note['emulatorUrl']}/_localstack/health", any_status=True)
    print(f"emulator  {note['emulatorUrl']}  {note['emulator']}, {'answers' if well else 'does not answer'}")
    for name, pid in note["parts"].items():
        print(f"{name:<10}process {pid}{'' if is_alive(pid) else ', gone'}")
    print(f"logs      {note['logs']}")
    return 0 if up else 1


def env(options: Options) -> int:
    """Lines for a shell's eval."""
    print(f"export INVOKE_URL={options.api_url}")
    for name, value in sorted(emulators.aws_environment(emulator_url(options)).items()):
        print(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")
    return 0


def reset(options: Options) -> int:
    """Forgets all data: of a sandbox that is up, else what was kept with --data."""
    if find_note(options) is None and "://" not in options.emulator:
        return reset_kept(options)
    url = emulator_url(options)
    if urlsplit(url).hostname not in LOOPBACK:
        say(f"sandbox: {url} is not on this machine; what is there is not ours to delete")
        return 1
    environment = {**os.environ, **emulators.aws_environment(url)}
    for words in (["--delete"], []):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sandbox.provision", *words],
            cwd=ROOT,
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            say(f"sandbox: {done.stderr.strip()}")
            return 1
    say("all definitions and executions are forgotten")
    return 0


def reset_kept(options: Options) -> int:
    """Deletes the emulator's own folder in DIR, and nothing else there."""
    state = options.data / "ministack" if options.data else None
    if state and state.is_dir():
        shutil.rmtree(state)
        say(f"the state kept in {options.data} is deleted")
    else:
        say("nothing to forget: no sandbox is up at that port, and no state was kept (--data DIR)")
    return 0


def emulator_url(options: Options) -> str:
    """That of the sandbox that is up, else what the options mean."""
    note = find_note(options)
    if "://" in options.emulator:
        return options.emulator.rstrip("/")
    if note and not options.emulator_port:
        return str(note["emulatorUrl"])
    return f"http://{net.HOST}:{options.emulator_port or EMULATOR_PORTS[options.emulator]}"


def find_note(options: Options) -> dict[str, Any] | None:
    """What a sandbox at that port wrote about itself, if its process still lives."""
    try:
        note: dict[str, Any] = json.loads((RUNNING / f"{options.api_port or API_PORT}.json").read_text())
    except (OSError, ValueError):
        return None
    return note if is_alive(note["pid"]) else None

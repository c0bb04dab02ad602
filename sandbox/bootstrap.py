"""Makes the environments that the sandbox runs in, then hands over to it. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandbox import options

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".sandbox"
VENV = ROOT / ".venv"
MINISTACK = STATE / "ministack"
REQUIREMENTS = ROOT / "sandbox" / "ministack" / "requirements.txt"
UV_VERSION = "0.13.9"
UV_OLDEST = (0, 8)
STAMP = "made-from"
# Once here, instead of at every start where Python is told to write no bytecode: MiniStack alone takes 3 s.
COMPILE = "--compile-bytecode"


class BootstrapError(RuntimeError):
    """An environment could not be made; the text says which and why."""


def say(line: str) -> None:
    """To standard error: standard output belongs to the results."""
    print(line, file=sys.stderr, flush=True)


def ensure_project() -> None:
    """Brings .venv up to uv.lock; does nothing, and needs no network, while neither it nor pyproject.toml changed."""
    stamp = digest(ROOT / "uv.lock", ROOT / "pyproject.toml")
    if is_made(VENV, stamp):
        return
    with one_at_a_time():
        if is_made(VENV, stamp):
            return
        say("making the project's environment (.venv)")
        # --inexact and --no-dev: what developers have in there besides stays, and is not fetched for others.
        command = ["sync", "--locked", "--no-dev", "--no-install-project", "--inexact", "--quiet", COMPILE]
        if not python_of(VENV).exists():
            command += ["--python", sys.executable]
        uv(command, "the project's environment (.venv)")
        (VENV / STAMP).write_text(stamp)


def ensure_ministack() -> Path:
    """Makes MiniStack's own environment where it is missing or old; returns its executable."""
    stamp = digest(REQUIREMENTS)
    if not is_made(MINISTACK, stamp):
        with one_at_a_time():
            if not is_made(MINISTACK, stamp):
                make_ministack()
                (MINISTACK / STAMP).write_text(stamp)
    return MINISTACK / "bin" / "ministack"


def make_ministack() -> None:
    """The environment is made anew, so that nothing of an older lock stays in it."""
    say("making MiniStack's environment (.sandbox/ministack)")
    what = "MiniStack's environment"
    uv(["venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, str(MINISTACK)], what)
    pip = ["pip", "install", "--quiet", COMPILE, "--require-hashes", "--python", str(python_of(MINISTACK))]
    uv([*pip, "--requirement", str(REQUIREMENTS)], what)


def uv(arguments: Sequence[str], what: str) -> None:
    """Runs uv in the project's folder, apart from whatever environment the caller has activated."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    done = subprocess.run([find_uv(), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        reason = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-8:])
        raise BootstrapError(f"{what} could not be made (is the network there?). uv said:\n{reason}")


def find_uv() -> str:
    """The uv on PATH if it runs and is new enough, else one of our own from PyPI."""
    on_path = shutil.which("uv")
    if on_path and version_of(on_path) >= UV_OLDEST:
        return on_path
    own = STATE / "tools" / "bin" / "uv"
    if version_of(str(own)) < UV_OLDEST:
        install_uv(STATE / "tools")
    return str(own)


def version_of(uv_path: str) -> tuple[int, ...]:
    """(major, minor), or () where it does not run: a version manager's stub may stand on PATH without a uv."""
    try:
        said = subprocess.run([uv_path, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ()
    found = re.match(r"uv (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else ()


def install_uv(home: Path) -> None:
    """By venv and pip, which every complete Python has."""
    say(f"installing uv {UV_VERSION} into .sandbox/tools")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python_of(home)), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()
            raise BootstrapError(f"uv is not on PATH and could not be installed; install it yourself.\n{reason}")


def digest(*files: Path) -> str:
    """One line that changes with the content of any of the files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def is_made(environment: Path, stamp: str) -> bool:
    """Whether this environment was made from exactly these files, and its Python still runs from where it was."""
    made_from = environment / STAMP
    return python_of(environment).exists() and made_from.exists() and made_from.read_text() == stamp


def python_of(environment: Path) -> Path:
    """Its interpreter."""
    return environment / "bin" / "python"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two first starts side by side must not fill the same folder."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Checks the command line before anything is installed, then becomes `python -m sandbox`."""
    asked = options.parse(sys.argv[1:])
    try:
        ensure_project()
        if asked.emulator == "ministack" and asked.starts_parts:
            ensure_ministack()
    except BootstrapError as error:
        say(f"sandbox: {error}")
        sys.exit(options.EXIT_BROKEN if asked.run else 1)
    python = str(python_of(VENV))
    os.execv(python, [python, "-P", "-m", "sandbox", *sys.argv[1:]])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

"""The command line of scripts/sandbox. Standard library only: it is read before anything is installed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

API_PORT = 8000
EMULATOR_PORTS = {"ministack": 4577, "localstack": 4566}
EXIT_SUCCEEDED, EXIT_OTHER_END, EXIT_BAD_INPUT, EXIT_BROKEN = 0, 1, 2, 3

DESCRIPTION = "Brings up sedo on this machine: an emulated AWS, the tables and queues, the API and the worker."
EPILOG = """\
words:
  status    what is up, and how to reach it
  reset     forgets all definitions and executions
  env       prints the environment that points other tools at the emulated AWS:  eval "$(scripts/sandbox env)"

examples:
  scripts/sandbox
  scripts/sandbox --run examples/example-definition.yaml --input '{"foo": "bar"}'

exit codes of --run: 0 succeeded, 1 any other end, 2 bad input, 3 the sandbox itself broke
"""


@dataclass(frozen=True)
class Options:
    """The command line, checked. Ports are None where nothing was asked for."""

    word: str | None
    api_port: int | None
    emulator: str
    emulator_port: int | None
    workers: int
    data: Path | None
    run: Path | None
    input: str | None
    tenant: str

    @property
    def starts_parts(self) -> bool:
        """Whether this call may have to start an emulator."""
        return self.word is None

    @property
    def api_url(self) -> str:
        """Where the API is, or is to be."""
        return f"http://127.0.0.1:{self.api_port or API_PORT}"


def parse(arguments: Sequence[str]) -> Options:
    """Leaves with exit code 2 and a sentence on a wrong command line, with 0 after --help."""
    parser = make_parser()
    asked = parser.parse_args(arguments)
    if asked.word and asked.run:
        parser.error(f"--run and the word '{asked.word}' do not go together")
    if asked.input is not None and not asked.run:
        parser.error("--input belongs to --run")
    if asked.data and asked.emulator != "ministack":
        parser.error("--data is for MiniStack only: other emulators keep their own state")
    if asked.emulator_port and "://" in asked.emulator:
        parser.error("--emulator-port is part of the URL already")
    return Options(**vars(asked))


def make_parser() -> argparse.ArgumentParser:
    """Options in the order in which people need them."""
    parser = argparse.ArgumentParser(
        prog="scripts/sandbox",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("word", nargs="?", choices=("status", "reset", "env"), help="see below; none: start and stay")
    parser.add_argument("--api-port", type=port, metavar="PORT", help=f"port of the API ({API_PORT})")
    parser.add_argument(
        "--emulator",
        type=emulator,
        default="ministack",
        metavar="NAME",
        help="ministack (as if nothing is said), localstack, or the URL of an emulator that runs already",
    )
    parser.add_argument("--emulator-port", type=port, metavar="PORT", help="its port (4577; LocalStack 4566)")
    parser.add_argument("--workers", type=count, default=1, metavar="N", help="worker processes (1)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the state here over a clean stop (MiniStack)")
    parser.add_argument("--run", type=Path, metavar="FILE", help="run this definition once, show its steps, and end")
    parser.add_argument("--input", metavar="JSON|@FILE|-", help="its input ({} if not given); - reads standard input")
    parser.add_argument("--tenant", default="123", metavar="ID", help="for --run (123)")
    return parser


def port(text: str) -> int:
    """1 to 65535."""
    return bounded(text, 65535)


def count(text: str) -> int:
    """1 to 32."""
    return bounded(text, 32)


def bounded(text: str, highest: int) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {highest}, found '{text}'")
    return int(text)


def emulator(text: str) -> str:
    """A name or a URL."""
    if text in EMULATOR_PORTS or text.startswith(("http://", "https://")):
        return text
    raise argparse.ArgumentTypeError(f"expected ministack, localstack or a URL, found '{text}'")

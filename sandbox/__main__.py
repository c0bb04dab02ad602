"""The command behind scripts/sandbox, run in the project's environment."""

from __future__ import annotations

import sys
import time
from typing import Any

from sandbox import client, net, options, run, words
from sandbox.bootstrap import BootstrapError, say
from sandbox.options import EXIT_BAD_INPUT, EXIT_BROKEN, Options
from sandbox.processes import PartError, Reaper
from sandbox.signals import AskedToEnd, Signals
from sandbox.up import Sandbox, noted

WORDS = {"status": words.status, "env": words.env, "reset": words.reset}


def main() -> int:
    """The exit code."""
    asked = options.parse(sys.argv[1:])
    if asked.word:
        return WORDS[asked.word](asked)
    return run_once(asked) if asked.run else stay_up(asked)


def stay_up(asked: Options) -> int:
    """0 when told to end, 1 when a part failed."""
    signals = Signals()
    began = time.monotonic()
    with Reaper() as reaper:
        try:
            sandbox = Sandbox(asked, reaper, signals.check)
        except (PartError, BootstrapError) as error:
            say(f"sandbox: {error}")
            return 1
        try:
            sandbox.start()
            with noted(sandbox):
                say(welcome(sandbox, time.monotonic() - began))
                sandbox.stay()
        except AskedToEnd:
            say("ending")
        except PartError as error:
            say(f"sandbox: {error}")
            return 1
        finally:
            sandbox.end()
    return 0


def welcome(sandbox: Sandbox, seconds: float) -> str:
    """The first line is the one that scripts wait for."""
    return (
        f"sedo is ready: {sandbox.api_url}\n"
        f"  ({seconds:.1f} s; AWS is {sandbox.emulator.name} at {sandbox.emulator.url}; logs in {sandbox.folder})\n"
        "try:\n"
        f"  curl {sandbox.api_url}/sedo/tenants/123/definitions"
        " -H 'Content-Type: application/json' -d @example-definition.json\n"
        "steps may call services on this machine and all functions, queues and secrets of the emulator here;\n"
        "a deployment lets them reach public addresses, and else what its settings name (docs/operations.md)\n"
        "Ctrl-C ends everything."
    )


def run_once(asked: Options) -> int:
    """Exit codes as --help says; input that is wrong starts nothing."""
    assert asked.run
    signals = Signals()
    try:
        definition, given = run.read_definition(asked.run), run.read_input(asked.input)
        if net.answers(f"{asked.api_url}/health"):
            say(f"using the sedo that is up at {asked.api_url}")
            return run.run(asked, definition, given, asked.api_url, signals.check)
        return run_in_own(asked, definition, given, signals)
    except (run.BadInput, client.Refused) as error:
        say(f"sandbox: {error}")
        return EXIT_BAD_INPUT
    except (PartError, BootstrapError, client.Unreachable) as error:
        say(f"sandbox: {error}")
        return EXIT_BROKEN
    except AskedToEnd as asked_to_end:
        say(f"ended by {asked_to_end}")
        return 128 + asked_to_end.number


def run_in_own(asked: Options, definition: tuple[bytes, str], given: Any, signals: Signals) -> int:
    """A sandbox for this one run, ended with it."""
    with Reaper() as reaper:
        sandbox = Sandbox(asked, reaper, signals.check, private=True)
        try:
            say("starting a sandbox for this run")
            sandbox.start()

            def check() -> None:
                signals.check()
                sandbox.look()

            return run.run(asked, definition, given, sandbox.api_url, check)
        except (PartError, client.Unreachable):
            sandbox.keeps_logs = True
            raise
        finally:
            sandbox.end()


if __name__ == "__main__":
    sys.exit(main())

"""Runs tiers of tests, cheap ones first, and sets up what they need.

Without tiers it runs them all. What could not be run here is named in the last lines; with --strict that is an error.
What stands after `--` goes to pytest: scripts/test unit -- -k wait
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from sandbox import bootstrap
from tools import localstack
from tools.tiers import LOCALSTACK, MINISTACK, TIERS, Result, Tier

DEV_STAMP = "made-from-with-dev"


def parse(arguments: Sequence[str]) -> tuple[list[Tier], bool, list[str]]:
    """The tiers in their order, whether to be strict, and what goes to pytest."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    own, rest = arguments[:cut], list(arguments[cut + 1 :])
    listed = "\n".join(f"  {tier.name:12}{tier.purpose}" for tier in TIERS)
    parser = argparse.ArgumentParser(
        "scripts/test",
        description=__doc__,
        epilog=f"tiers:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tiers", nargs="*", metavar="tier", help="which to run; all if none is named")
    parser.add_argument("--strict", action="store_true", help="what could not be run is an error")
    asked = parser.parse_args(own)
    unknown = [name for name in asked.tiers if name not in {tier.name for tier in TIERS}]
    if unknown:
        parser.error(f"there is no tier {unknown[0]!r}; there are {', '.join(tier.name for tier in TIERS)}")
    return [tier for tier in TIERS if not asked.tiers or tier.name in asked.tiers], asked.strict, rest


def prepare(tiers: Sequence[Tier]) -> None:
    """The project's environment with the tools of development, and MiniStack's where a tier wants it."""
    bootstrap.ensure_project()
    stamp = bootstrap.digest(bootstrap.ROOT / "uv.lock", bootstrap.ROOT / "pyproject.toml")
    made_from = bootstrap.VENV / DEV_STAMP
    if not made_from.exists() or made_from.read_text() != stamp:
        bootstrap.say("adding the tools of development to .venv")
        command = ["sync", "--locked", "--no-install-project", "--inexact", "--quiet"]
        bootstrap.uv(command, "the project's environment (.venv)")
        made_from.write_text(stamp)
    if any(MINISTACK in tier.needs for tier in tiers):
        bootstrap.ensure_ministack()


def run(tiers: Sequence[Tier], rest: Sequence[str]) -> tuple[list[Result], str]:
    """The results, and why LocalStack is missing, if it is."""
    environment: dict[str, str] = {**os.environ, "PYTHONPATH": str(bootstrap.ROOT)}
    results: list[Result] = []
    missing = ""
    with contextlib.ExitStack() as stack:
        started = False
        for tier in tiers:
            if LOCALSTACK in tier.needs and not started:
                started = True
                missing = add_localstack(stack, environment)
            print(f"\n== {tier.name}: {tier.purpose}", flush=True)
            results.append(tier.run(tier, environment, rest))
    return results, missing


def add_localstack(stack: contextlib.ExitStack, environment: dict[str, str]) -> str:
    """Starts one until the stack unwinds and names it in the environment; the reason where there is none."""
    found = stack.enter_context(localstack.for_tests())
    if found.url:
        print(f"\nLocalStack runs {found.how}: {found.url}", flush=True)
        environment[localstack.URL_VARIABLE] = found.url
    return found.reason


def report(results: Sequence[Result], missing: str, strict: bool) -> int:
    """Prints the closing lines; the exit code."""
    print()
    for result in results:
        print(result.line)
    if missing:
        print(f"LocalStack  not run: {missing}")
    passed, failed, skipped = (sum(getattr(r, name) for r in results) for name in ("passed", "failed", "skipped"))
    unfinished = bool(missing or skipped)
    if strict and unfinished:
        print("strict: what was skipped or not run above counts as an error")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    broken = any(result.broken for result in results)
    return 1 if failed or broken or (strict and unfinished) else 0


def end_cleanly(number: int, _: FrameType | None) -> None:
    """A SIGTERM unwinds the stack, so that no LocalStack stays behind."""
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    tiers, strict, rest = parse(arguments)
    signal.signal(signal.SIGTERM, end_cleanly)
    try:
        prepare(tiers)
    except bootstrap.BootstrapError as error:
        print(f"test: {error}", file=sys.stderr)
        return 1
    return report(*run(tiers, rest), strict)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

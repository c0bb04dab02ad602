"""The tiers of tests, cheap ones first: what each runs and how its results are counted."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.bootstrap import ROOT, VENV, python_of

NO_TESTS_COLLECTED = 5
FIXTURES_END_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one tier came to. `broken` is set when the run itself failed, whatever was counted."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    broken: str = ""

    @property
    def line(self) -> str:
        """One line of the summary."""
        counts = f"{self.passed:5} passed {self.failed:5} failed {self.skipped:5} skipped {self.seconds:8.1f} s"
        return f"{self.name:12}{counts}{'   ' + self.broken if self.broken else ''}"


@dataclass(frozen=True, slots=True)
class Tier:
    """`needs` names the emulators; LocalStack is started for it where that can be had, MiniStack by the tests."""

    name: str
    purpose: str
    needs: tuple[str, ...]
    run: Callable[[Tier, Mapping[str, str], Sequence[str]], Result]
    options: tuple[str, ...] = ()


def run_lint(tier: Tier, environment: Mapping[str, str], _: Sequence[str]) -> Result:
    """Formatter, linter, import directions and types; each counts as one test."""
    tools = VENV / "bin"
    commands: tuple[tuple[str, ...], ...] = (
        ("ruff", "format", "--check", "--quiet", "."),
        ("ruff", "check", "--quiet", "."),
        ("lint-imports", "--no-logo"),
        ("mypy",),
    )
    started = time.monotonic()
    failed = 0
    for name, *arguments in commands:
        done = subprocess.run(
            [str(tools / name), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        print(f"{' '.join([name, *arguments])}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, flush=True)
            failed += 1
    return Result(tier.name, len(commands) - failed, failed, 0, time.monotonic() - started)


def run_pytest(tier: Tier, environment: Mapping[str, str], arguments: Sequence[str]) -> Result:
    """pytest on the tier's folder; the counts come from its report, the verdict from its exit code."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(python_of(VENV)), "-m", "pytest", f"tests/{tier.name}", "-q", f"--junitxml={report}"]
        command += [*tier.options, *arguments]
        code = run_to_end(command, environment)
        seconds = time.monotonic() - started
        if code == NO_TESTS_COLLECTED:
            return Result(tier.name, seconds=seconds, broken="" if not has_tests(tier) else "no test was selected")
        if not report.exists():
            return Result(tier.name, failed=1, seconds=seconds, broken=f"pytest ended with exit code {code}")
        return counted(tier.name, report, code, seconds)


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code. If we are ended, pytest is interrupted and waited for: its fixtures end what they started."""
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(FIXTURES_END_SECONDS)
            process.kill()
            raise


def counted(name: str, report: Path, code: int, seconds: float) -> Result:
    """An error in a fixture is a failure; so is a run that says it failed and names no test."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest has just written it
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    broken = "" if code == 0 or failed else f"pytest ended with exit code {code}"
    return Result(name, max(total - failed - skipped, 0), failed or int(code != 0), skipped, seconds, broken)


def has_tests(tier: Tier) -> bool:
    """Whether anybody has written a test of this tier yet."""
    return any((ROOT / "tests" / tier.name).rglob("test_*.py"))


MINISTACK, LOCALSTACK = BOTH = ("MiniStack", "LocalStack")
# A process for each core; only for tests that share nothing.
SIDE_BY_SIDE = ("--numprocesses=auto", "--dist=worksteal")

TIERS = (
    Tier("lint", "formatter, linter with the bans that hold the architecture, types", (), run_lint),
    Tier("unit", "pure code and code over in-memory fakes; no network, no waiting", (), run_pytest, SIDE_BY_SIDE),
    Tier("contract", "one suite over the fakes, MiniStack and LocalStack", BOTH, run_pytest),
    Tier("simulation", "whole executions under injected faults and a virtual clock", (), run_pytest, SIDE_BY_SIDE),
    Tier("integration", "the running system over HTTP on both emulators", BOTH, run_pytest),
    Tier("e2e", "the packaged app, deployed by CloudFormation", (MINISTACK,), run_pytest),
)

"""The command line: what is taken, and what is refused with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.options import parse


def test_nothing_said() -> None:
    options = parse([])
    assert (options.word, options.emulator, options.workers, options.tenant) == (None, "ministack", 1, "123")
    assert options.api_url == "http://127.0.0.1:8000"


def test_a_run() -> None:
    options = parse(["--run", "a.yaml", "--input", "-", "--tenant", "t", "--api-port", "9000"])
    assert (options.run, options.input, options.tenant) == (Path("a.yaml"), "-", "t")
    assert options.api_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "arguments",
    [
        ["start"],
        ["--api-port", "0"],
        ["--api-port", "65536"],
        ["--workers", "none"],
        ["--emulator", "moto"],
        ["--emulator", "localstack", "--data", "d"],
        ["--emulator", "http://127.0.0.1:1", "--emulator-port", "2"],
        ["--input", "{}"],
        ["status", "--run", "a.yaml"],
        ["--api", "80"],
    ],
)
def test_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(arguments)
    assert left.value.code == 2
    assert "scripts/sandbox: error:" in capsys.readouterr().err


def test_help_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for word in (
        "--api-port",
        "--emulator-port",
        "--workers",
        "--data",
        "--run",
        "--input",
        "--tenant",
        "reset",
        "env",
    ):
        assert word in shown

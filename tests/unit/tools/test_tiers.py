"""How scripts/test counts and judges, on reports as pytest writes them."""

from pathlib import Path

import pytest

from tools import test as command
from tools.tiers import TIERS, Result, counted

REPORT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


def count(tmp_path: Path, numbers: tuple[int, int, int, int], code: int) -> Result:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(*numbers))
    return counted("unit", report, code, 1.0)


@pytest.mark.parametrize(
    ("numbers", "code", "expected"),
    [
        ((5, 0, 0, 0), 0, (5, 0, 0)),
        ((5, 1, 1, 2), 1, (1, 2, 2)),
        ((5, 0, 0, 5), 0, (0, 0, 5)),
        ((0, 0, 1, 0), 2, (0, 1, 0)),
        ((5, 0, 0, 0), 3, (5, 1, 0)),
    ],
)
def test_counts_come_from_the_report_and_the_verdict_from_the_exit_code(
    tmp_path: Path, numbers: tuple[int, int, int, int], code: int, expected: tuple[int, int, int]
) -> None:
    result = count(tmp_path, numbers, code)
    assert (result.passed, result.failed, result.skipped) == expected


@pytest.mark.parametrize(
    ("results", "missing", "strict", "code"),
    [
        ([Result("unit", passed=3)], "", False, 0),
        ([Result("unit", passed=3)], "", True, 0),
        ([Result("unit", passed=3, failed=1)], "", False, 1),
        ([Result("unit", passed=3, skipped=1)], "", False, 0),
        ([Result("unit", passed=3, skipped=1)], "", True, 1),
        ([Result("unit", passed=3)], "no Docker", False, 0),
        ([Result("unit", passed=3)], "no Docker", True, 1),
        ([Result("unit", passed=3, broken="pytest ended with exit code 4")], "", False, 1),
    ],
)
def test_the_exit_code(results: list[Result], missing: str, strict: bool, code: int) -> None:
    assert command.report(results, missing, strict) == code


def test_the_closing_lines_say_what_was_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    command.report([Result("lint", passed=4), Result("unit", passed=3, failed=1, skipped=2)], "no Docker", False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "7 passed, 1 failed, 2 skipped"
    assert any("LocalStack" in line and "not run: no Docker" in line for line in lines[-3:])


def test_tiers_run_in_their_own_order_and_the_rest_goes_to_pytest() -> None:
    assert command.parse([]) == (list(TIERS), False, [])
    tiers, strict, rest = command.parse(["unit", "lint", "--strict", "--", "-k", "wait"])
    assert ([tier.name for tier in tiers], strict, rest) == (["lint", "unit"], True, ["-k", "wait"])


def test_an_unknown_tier_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(["units"])
    assert "no tier 'units'" in capsys.readouterr().err

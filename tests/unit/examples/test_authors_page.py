"""docs/authors.md is true: its files, put together as it says, give what it says that lint, test and verify print."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sedo.cli.app import root
from tests.unit.cli.serving import Cli

PAGE = (Path(__file__).parents[3] / "docs" / "authors.md").read_text(encoding="utf-8")
OFFLINE = Cli("http://127.0.0.1:9")


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


FIRST, RETRY, CASES, TELL = blocks("yaml")
FOUND, TESTED, VERIFIED = blocks("text")
ENDS = '    stash: { payout: "${ output.body.id }" }\n    end: true\n'
MENDED = FIRST.replace("amont", "amount").replace("    stash: { payout", RETRY + "    stash: { payout")
CHANGED = MENDED.replace(ENDS, ENDS.replace("end: true", "next: tell")) + TELL
LATER = (
    CASES.replace("amount: 30 } }\n", "amount: 30 } }\n      tell: [{}]\n", 1)
    .replace("id: p-2 } } }]\n", "id: p-2 } } }]\n      tell: [{}]\n")
    .replace("pay]", "pay, tell]")
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def run(word: str, definition: str, cases: str | None = None) -> tuple[int, str]:
    """Exit code and what was printed, without the milliseconds that it took."""
    Path("expenses.yaml").write_text(definition, encoding="utf-8")
    if cases is not None:
        Path("expenses.test.yaml").write_text(cases, encoding="utf-8")
    done = OFFLINE(word, "expenses.yaml")
    return done.exit_code, timeless(done.stdout)


def timeless(text: str) -> str:
    return re.sub(r"in \d+ ms", "in a moment", re.sub(r"\b\d+\.\d+ s", "some s", text))


def test_lint_finds_what_is_to_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    Path("expenses.yaml").write_text(FIRST, encoding="utf-8")
    assert OFFLINE("lint", "expenses.yaml").output == FOUND
    assert run("lint", MENDED) == (0, "")


def test_cases_hold_and_it_verifies() -> None:
    assert run("test", MENDED, CASES) == (0, timeless(TESTED))
    assert run("verify", MENDED, CASES) == (0, timeless(VERIFIED))


def test_change_is_noticed_by_two_cases_and_then_tested() -> None:
    code, said = run("test", CHANGED, CASES)
    assert (code, said.count("there is no mock of tell"), "4 cases, 2 failed" in said) == (1, 2, True)
    code, said = run("test", CHANGED, LATER)
    assert (code, said.count("not covered"), "tell: retry 0" in said) == (0, 1, True)
    assert run("lint", CHANGED) == (0, "")
    assert run("verify", CHANGED, LATER)[0] == 0


LINES = [line for block in blocks("") for line in block.splitlines() if line.startswith("sedo ")]


@pytest.mark.parametrize("line", sorted(set(LINES)))
def test_command_on_the_page_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])[1:]
    command: click.Command = root
    context = click.Context(root)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    command.make_context(line, words, parent=context)


def test_page_has_commands() -> None:
    assert len(LINES) >= 20

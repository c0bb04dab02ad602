"""The page about lint: each rule is there with a file that breaks it, what lint says, and a file that is clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sedo.lint.linting import IGNORES, POSTING, lint
from sedo.lint.rules import RULES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### ([a-z-]+)\n\n(Error|Warning)\. (.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = {name: re.findall(r"```(yaml|text)\n(.*?)```", text, re.DOTALL) for name, _, text in SECTIONS}


def said(text: str, folder: Path) -> str:
    file = folder / "FILE.yaml"
    file.write_text(text, encoding="utf-8")
    return "".join(f"{finding}\n".replace(str(file), "FILE") for finding in lint(file))


def test_page_describes_every_rule_once_and_its_severity() -> None:
    rules = {rule.name: rule.severity for rule in RULES} | {POSTING: "error", IGNORES: "warning"}
    assert len(SECTIONS) == len(rules)
    assert {name: severity.lower() for name, severity, _ in SECTIONS} == rules


@pytest.mark.parametrize("rule", BLOCKS)
def test_bad_example_is_told_as_the_page_tells_it(rule: str, tmp_path: Path) -> None:
    (_, bad), (_, told), _ = BLOCKS[rule]
    assert said(bad, tmp_path) == told
    assert {line.rpartition("(")[2] for line in told.splitlines()} == {f"{rule})"}


@pytest.mark.parametrize("rule", BLOCKS)
def test_good_example_is_clean(rule: str, tmp_path: Path) -> None:
    *_, (kind, good) = BLOCKS[rule]
    assert (kind, said(good, tmp_path)) == ("yaml", "")


def test_the_pages_way_to_silence_works(tmp_path: Path) -> None:
    silenced = next(text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "sedo: ignore" in text)
    assert said(silenced, tmp_path) == ""
    assert "(no-retry)" in said(silenced.replace("# sedo", "# "), tmp_path)

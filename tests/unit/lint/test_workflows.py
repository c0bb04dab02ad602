"""Real workflows: lint finds nothing in the examples and in those here, and everything once they are broken."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api import yaml_text
from sedo.lint.linting import ahead, lint
from sedo.lint.reading import ALWAYS_DEFAULT, NEVER_FILLED, UNDECLARED_FIELD

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).with_name("workflows")
EXAMPLES = [path for path in ROOT.glob("examples/**/*.yaml") if not path.stem.endswith(".test")]
ALL = sorted([*EXAMPLES, ROOT / "example-definition.json", *HERE.glob("*.*")])


def document(path: Path) -> Any:
    return yaml_text.read(path.read_text(encoding="utf-8"))[0]


def named(path: Path) -> str:
    return path.name


def test_there_are_twenty_workflows_beside_the_examples() -> None:
    assert len([path for path in ALL if HERE in path.parents]) >= 20


@pytest.mark.parametrize("path", ALL, ids=named)
def test_workflow_is_clean(path: Path) -> None:
    assert [str(finding) for finding in lint(path)] == []


def without_name(value: Any, name: str) -> Any:
    """The document without every place that writes one name into the stash."""
    if isinstance(value, list):
        return [without_name(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {k: v for k, v in item.items() if k != name} if key == "stash" else without_name(item, name)
        for key, item in value.items()
    }


def names_in_stash(path: Path) -> set[str]:
    return set(re.findall(r"stash\.([a-zA-Z]+)", path.read_text(encoding="utf-8")))


STASHED = [(path, name) for path in ALL for name in sorted(names_in_stash(path))]


@pytest.mark.parametrize(("path", "name"), STASHED, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_what_no_step_writes_any_more_is_missed(path: Path, name: str) -> None:
    found = list(ahead(without_name(document(path), name)))
    rules = {rule for rule, _, _, said in found if f"stash.{name}:" in said}
    assert rules in ({NEVER_FILLED}, {ALWAYS_DEFAULT}, {NEVER_FILLED, ALWAYS_DEFAULT})


DECLARED = [
    (path, name)
    for path in ALL
    for name in document(path).get("inputSchema", {}).get("properties", {})
    if f"input.{name}" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize(("path", "name"), DECLARED, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_what_the_schema_names_otherwise_is_missed(path: Path, name: str) -> None:
    broken = copy.deepcopy(document(path))
    schema = broken["inputSchema"]
    schema["properties"] = {k + "x" if k == name else k: v for k, v in schema["properties"].items()}
    schema["required"] = [k for k in schema.get("required", []) if k != name]
    said = [said for rule, _, _, said in ahead(broken) if rule in (NEVER_FILLED, ALWAYS_DEFAULT, UNDECLARED_FIELD)]
    assert [sentence for sentence in said if f".{name}" in sentence and f"did you mean '{name}x'?" in sentence]

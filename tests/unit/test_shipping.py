"""What ships is what is locked: requirements.txt and pyproject.toml name the same versions."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    shipped = [line for line in lines if line and not line.startswith("#")]
    names = {line.partition("==")[0] for line in shipped}
    assert shipped == [line for line in project if line.partition("==")[0] in names]
    assert {"boto3", "chalice", "watchfiles"}.isdisjoint(names)

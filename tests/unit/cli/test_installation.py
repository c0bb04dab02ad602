"""What an installation brings: the command, with what it needs and nothing of the service or of development."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from sedo.cli.app import root

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_what_ships_is_pinned_alike_in_both_places() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    shipped = [line for line in lines if line and not line.startswith("#")]
    assert shipped == PROJECT["project"]["dependencies"][: len(shipped)]


def test_the_command_needs_nothing_that_is_not_installed_with_it() -> None:
    """Every word is imported where the tools of development and the service's own libraries cannot be."""
    code = """
import sys
for name in ("boto3", "botocore", "chalice", "watchfiles", "greenlet", "hypothesis", "pytest", "mypy"):
    sys.modules[name] = None
from click.testing import CliRunner
from sedo.cli.app import COMMANDS, root
for word in COMMANDS:
    done = CliRunner().invoke(root, [word, "--help"])
    assert done.exit_code == 0, (word, done.exception)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_python_dash_m_is_the_command_without_an_installation() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sedo.cli", "graph", "examples/example-definition.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("flowchart TD\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sedo exec", {"execute", "executions"}),
        ("sedo definitions pu", {"put"}),
        ("sedo executions graph --m", {"--mermaid"}),
        ("sedo completions z", {"zsh"}),
        ("sedo tasks list --to", {"--token"}),
    ],
)
def test_shells_get_completions(typed: str, offered: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_SEDO_COMPLETE": "bash_complete"}
    command = [sys.executable, "-m", "sedo.cli"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=os.environ | words)
    assert {line.partition(",")[2] for line in done.stdout.split()} == offered, done.stderr


def test_the_version_is_said_installed_or_not() -> None:
    done = CliRunner().invoke(root, ["--version"])
    assert (done.exit_code, done.stdout.split()[0]) == (0, "sedo")


def test_the_wheel_holds_two_packages_and_runs_from_where_it_is_put(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    wheel = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names} == {"chalicelib", "sedo", "sedo-0.1.0.dist-info"}
    assert {"chalicelib/api/openapi.yaml", "chalicelib/prices.json", "sedo/cli/__init__.py"} <= names
    wheel.extractall(tmp_path / "site")
    entry = wheel.read("sedo-0.1.0.dist-info/entry_points.txt").decode()
    assert "sedo = sedo.cli:main" in entry
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from sedo.cli import main; main()"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "--version"], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (0, "sedo 0.1.0\n"), done.stderr


def test_the_entry_point_is_there() -> None:
    assert PROJECT["project"]["scripts"] == {"sedo": "sedo.cli:main"}

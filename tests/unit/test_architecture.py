"""The linter holds the architecture: each ban is tried on a planted violation, so that none is lost unnoticed.

Rooms: the engine is pure; chalicelib reaches AWS, HTTP, the clock and chance through adapters alone; settings alone
reads the environment; nothing patches; imports point one way.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def banned(room: str, source: str) -> dict[int, str]:
    """The rules of the architecture that ruff finds broken, by line, were `source` a file there."""
    command = [str(BIN / "ruff"), "check", "--no-cache", "--select=TID251,PTH123,T20", "--output-format=json"]
    done = subprocess.run(
        [*command, f"--stdin-filename={ROOT / room}", "-"], cwd=ROOT, input=source, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stderr
    return {problem["location"]["row"]: problem["code"] for problem in json.loads(done.stdout)}


def bans_of(settings_file: str) -> list[str]:
    """The names that a ruff.toml bans."""
    settings = tomllib.loads((ROOT / settings_file).read_text())
    return list(settings["lint"]["flake8-tidy-imports"]["banned-api"])


def use_of(name: str) -> str:
    """A line that uses a banned module or member."""
    module, _, member = name.rpartition(".")
    if name.startswith("datetime."):
        return f"import datetime; x = {name}()"
    return f"from {module} import {member}" if module else f"import {name}"


def unbanned(room: str, names: list[str]) -> list[str]:
    """Those of the names whose use passes the linter there."""
    found = banned(room, "".join(use_of(name) + "\n" for name in names))
    return [name for line, name in enumerate(names, start=1) if found.get(line) != "TID251"]


@pytest.mark.parametrize(
    ("room", "settings_file"),
    [
        ("chalicelib/engine/steps/planted.py", "chalicelib/engine/ruff.toml"),
        ("chalicelib/planted.py", "chalicelib/ruff.toml"),
        ("chalicelib/api/planted.py", "chalicelib/ruff.toml"),
        ("chalicelib/adapters/planted.py", "chalicelib/adapters/ruff.toml"),
    ],
)
def test_each_ban_fails_on_a_planted_violation(room: str, settings_file: str) -> None:
    assert unbanned(room, bans_of(settings_file)) == []


@pytest.mark.parametrize(
    ("room", "names"),
    [
        (
            "chalicelib/engine/planted.py",
            "boto3 time random uuid secrets threading urllib3 os io logging datetime.datetime.now unittest.mock",
        ),
        (
            "chalicelib/planted.py",
            "boto3 botocore os.environ os.getenv time.time random uuid datetime.datetime.now datetime.datetime.utcnow",
        ),
        ("chalicelib/adapters/planted.py", "os.environ os.getenv unittest.mock"),
        *[
            (f"{room}/planted.py", "unittest.mock unittest.mock.patch")
            for room in ("sandbox", "sedo", "tests/unit", "tools")
        ],
    ],
)
def test_the_bans_that_matter_most_cannot_be_dropped(room: str, names: str) -> None:
    assert unbanned(room, names.split()) == []


def test_an_alias_or_a_builtin_does_not_slip_through() -> None:
    assert banned("chalicelib/planted.py", "import os as o\nx = o.environ['A']\n") == {2: "TID251"}
    assert banned("chalicelib/planted.py", "import datetime as d\nx = d.datetime.now(d.UTC)\n") == {2: "TID251"}
    assert banned("chalicelib/engine/planted.py", "x = open('a')\nprint(x)\n") == {1: "PTH123", 2: "T201"}


@pytest.mark.parametrize(
    ("room", "names"),
    [
        ("chalicelib/settings.py", "os.environ"),
        ("chalicelib/adapters/planted.py", "boto3 time.time datetime.datetime.now random"),
        ("tests/unit/planted.py", "datetime.datetime.now boto3"),
    ],
)
def test_the_rooms_that_may_do_so(room: str, names: str) -> None:
    assert unbanned(room, names.split()) == names.split()


def checked_imports(folder: Path, planted: dict[str, list[str]]) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on a copy of the packages whose modules import more than they do."""
    for package in ("chalicelib", "sandbox", "sedo"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, imported in planted.items():
        file = folder / (module.replace(".", "/") + ".py")
        with file.open("a") as text:
            text.writelines(f"\nimport {name}" for name in imported)
    command = [str(BIN / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={})


def test_imports_with_the_direction_pass(tmp_path: Path) -> None:
    done = checked_imports(
        tmp_path, {"sedo.planted": ["chalicelib.engine"], "chalicelib.api.planted": ["chalicelib.runtime"]}
    )
    assert done.returncode == 0, done.stdout


def test_imports_against_the_direction_are_found(tmp_path: Path) -> None:
    planted = {
        "chalicelib.engine.planted": ["chalicelib.ports", "sandbox"],
        "chalicelib.engine.steps.planted": ["chalicelib.adapters"],
        "chalicelib.adapters.planted": ["chalicelib.runtime", "chalicelib.api", "sedo"],
        "chalicelib.runtime": ["chalicelib.service"],
        "chalicelib.service": ["chalicelib.api"],
        "chalicelib.ports": ["boto3"],
    }
    done = checked_imports(tmp_path, planted)
    assert done.returncode == 1, done.stdout
    for module, imported in planted.items():
        for name in imported:
            assert re.search(rf"{re.escape(module)} -> {re.escape(name)}\b", done.stdout), (
                f"{module} -> {name}\n{done.stdout}"
            )


def test_the_modules_of_chalicelib_all_have_their_layer() -> None:
    """import-linter only holds what is named."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {name.strip(" ()") for layer in layers for name in layer.replace("|", ":").split(":")}
    there = {
        path.stem for path in (ROOT / "chalicelib").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - {"__init__"} <= named

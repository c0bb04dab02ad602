"""Every example lints clean and is accepted, its cases take every route, its picture is of today, it verifies."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from chalicelib.api import yaml_text
from chalicelib.engine.definition import parse
from sedo.lint.linting import lint
from tests.unit.cli.serving import Cli
from tools import pictures

EXAMPLES = Path(__file__).parents[3] / "examples"
DEFINITIONS = sorted(path for path in EXAMPLES.glob("**/*.yaml") if not path.stem.endswith(".test"))
NOBODY = Cli("http://127.0.0.1:9")


def named(path: Path) -> str:
    return path.stem


def test_there_are_eight_and_each_has_a_page_and_tests() -> None:
    folders = [path for path in EXAMPLES.iterdir() if (path / f"{path.name}.yaml").is_file()]
    assert len(folders) >= 8
    for folder in folders:
        page = (folder / "README.md").read_text(encoding="utf-8")
        assert f"sedo definitions put examples/{folder.name}/{folder.name}.yaml" in page
        assert f"[{folder.name}]({folder.name}/)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
        for definition in folder.glob("*.yaml"):
            assert definition.with_name(f"{definition.stem.removesuffix('.test')}.test.yaml").is_file()


@pytest.mark.parametrize("path", DEFINITIONS, ids=named)
def test_is_accepted_called_like_its_file_and_clean(path: Path) -> None:
    assert parse(yaml_text.read(path.read_text(encoding="utf-8"))[0]).id == path.stem
    assert [str(finding) for finding in lint(path)] == []


@pytest.mark.parametrize("page", pictures.pages(), ids=lambda page: page.parent.name)
def test_picture_is_of_the_definition_as_it_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == pictures.drawn(page), "python -m tools.pictures draws it anew"
    definitions = [path.stem for path in page.parent.glob("*.yaml") if not path.stem.endswith(".test")]
    assert all(f"<!-- {name}.yaml, drawn by sedo graph -->" in text for name in definitions)


@pytest.mark.parametrize("path", DEFINITIONS, ids=named)
def test_cases_hold_and_take_every_step_and_route(path: Path) -> None:
    done = NOBODY("--json", "test", str(path))
    assert done.exit_code == 0, done.stdout
    (report,) = json.loads(done.stdout)["files"]
    assert report["coverage"]["percent"] == 100


@pytest.mark.parametrize("path", DEFINITIONS, ids=named)
def test_verifies(path: Path) -> None:
    started = time.process_time()
    done = NOBODY("--json", "verify", str(path))
    assert done.exit_code == 0, done.stdout
    print(f"{path.stem}: {time.process_time() - started:.1f} s of CPU")
    found = json.loads(done.stdout)
    assert found["same"] is True
    writing = [call for call in found["outside"] if "key" in call and not call["readsOnly"]]
    assert all(call["key"] for call in writing)

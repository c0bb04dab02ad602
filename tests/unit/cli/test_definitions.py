"""`sedo definitions` against the real routes: what is put comes back, what is wrong is said with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sedo.cli.files import read_definition
from tests.unit.cli.conftest import Service
from tests.unit.cli.serving import Cli, Said, serving

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if ".test." not in path.name)
FIRST = "id: greet\nsteps:\n  - {id: hello, type: echo, message: hello, end: true}\n"
SECOND = "id: greet\nsteps:\n  - {id: hello, type: echo, message: good day, end: true}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "greet.yaml"
    path.write_text(FIRST)
    return path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_put_is_what_get_prints(cli: Cli, tmp_path: Path, example: Path) -> None:
    put = cli("definitions", "put", str(example))
    assert (put.exit_code, put.stdout, put.stderr) == (0, example.stem + "\n", "stored as version 1\n")
    printed = tmp_path / "printed.yaml"
    printed.write_text(cli("definitions", "get", example.stem).stdout)
    assert read_definition(printed).value == read_definition(example).value
    assert cli.json("definitions", "get", example.stem)["version"] == 1


def test_json_files_are_put_too(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"id": "a", "steps": [{"id": "b", "type": "pass", "end": True}]}))
    assert cli.json("definitions", "put", str(path)) == {"id": "a", "tenantId": "123"}


def test_put_that_cannot_ask_for_its_version_is_a_put_all_the_same(file: Path) -> None:
    file.write_text("id: greet\nsteps:\n  - { id: a, type: pass, end: true }\n")
    with serving(lambda asked: Said(201, {"id": "greet"}) if asked.method == "POST" else Said(403)) as url:
        put = Cli(url)("definitions", "put", str(file))
    assert (put.exit_code, put.stdout) == (0, "greet\n")
    assert put.stderr.startswith("stored, and which version it is could not be asked: HTTP 403")


def test_every_problem_comes_with_file_line_and_column(cli: Cli, file: Path) -> None:
    file.write_text("id: greet\nsteps:\n  - id: a\n    type: wait\n    secconds: 4\n    next: b\n")
    done = cli("definitions", "put", str(file))
    assert done.exit_code == 1
    assert done.stderr.startswith("sedo: definition is not valid\n")
    assert f"  {file}:5:5: /steps/0/secconds: unknown field 'secconds', did you mean 'seconds'?\n" in done.stderr
    problem = json.loads(cli("definitions", "put", str(file), "--json").stderr)
    assert problem["status"] == 400
    assert {"line": 5, "column": 5, "path": "/steps/0/secconds"}.items() <= problem["errors"][0].items()


def test_a_problem_that_the_service_cannot_place_is_placed_here(cli: Cli, tmp_path: Path) -> None:
    """Of JSON above 64 KB the service keeps no places."""
    steps: list[dict[str, object]] = [
        {"id": f"s{i}", "type": "pass", "description": "d" * 300, "next": f"s{i + 1}"} for i in range(250)
    ]
    steps[-1] = {"id": "s249", "type": "pass", "end": True, "nexxt": "s1"}
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"id": "large", "steps": steps}, indent=1))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "nexxt" in text)
    assert f"{path}:{line}:" in cli("definitions", "put", str(path)).stderr


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("a.yaml", b"id: a\nsteps: [\n", 1, "a.yaml:3:1: not valid YAML"),
        ("a.yaml", b"id: a\nid: b\n", 1, "a.yaml:2:1: key 'id' is written twice in one mapping"),
        ("a.json", b'{"id": "a",\n "x": NaN}', 1, "a.json:2:7: NaN is not a JSON number"),
        ("a.json", b'{"id":\n "\xff"}', 1, "a.json:2:3: byte 0xff is not UTF-8"),
        ("a.txt", b"id: a", 2, "expected a name that ends in .yaml, .yml or .json"),
        ("missing.yaml", None, 2, "missing.yaml: No such file or directory"),
    ],
)
def test_files_that_cannot_be_read_are_not_sent(
    service: Service, tmp_path: Path, name: str, content: bytes | None, code: int, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = service.cli("definitions", "put", str(tmp_path / name))
    assert done.exit_code == code
    assert said in done.stderr
    assert service.api.store.writes == 0


def test_lists(cli: Cli, file: Path) -> None:
    assert cli("definitions", "list").stdout == "ID\n"
    cli("definitions", "put", str(file))
    cli("definitions", "put", str(file))
    assert cli("definitions", "list").stdout == "ID\ngreet\n"
    assert cli.json("definitions", "list") == [{"id": "greet", "tenantId": "123"}]
    assert [item["version"] for item in cli.json("definitions", "versions", "greet")] == [2, 1]
    assert cli("definitions", "versions", "greet").stdout.splitlines()[1].startswith("2        20")


def test_lists_go_on_through_all_pages_up_to_the_limit(service: Service) -> None:
    for i in range(520):
        service.api.store.put_definition("123", f"d{i:03}", {"id": f"d{i:03}", "steps": []}, 0)
    assert len(service.cli.json("definitions", "list")) == 50
    found = service.cli.json("definitions", "list", "--limit", "510")
    assert [item["id"] for item in found] == [f"d{i:03}" for i in range(510)]
    assert len(service.cli.json("definitions", "list", "--limit", "1000")) == 520


def test_versions(cli: Cli, file: Path) -> None:
    cli("definitions", "put", str(file))
    file.write_text(SECOND)
    cli("definitions", "put", str(file))
    assert "good day" in cli("definitions", "get", "greet").stdout
    assert "good day" not in cli("definitions", "get", "greet", "--version", "1").stdout
    missing = cli("definitions", "get", "greet", "--version", "3")
    assert (missing.exit_code, missing.stderr) == (1, "sedo: not found: version 3 of definition greet is unknown\n")


def test_diff(cli: Cli, file: Path, tmp_path: Path) -> None:
    cli("definitions", "put", str(file))
    alone = cli("definitions", "diff", "greet")
    assert alone.exit_code == 2
    assert "has one version" in alone.stderr
    file.write_text(SECOND)
    assert (
        "-    message: hello\n+    message: good day\n"
        in cli("definitions", "diff", "greet", "--file", str(file)).stdout
    )
    cli("definitions", "put", str(file))
    shown = cli("definitions", "diff", "greet").stdout
    assert shown.startswith("--- greet version 1\n+++ greet version 2\n")
    change = {"path": "/steps/hello/message", "before": "hello", "after": "good day"}
    assert cli.json("definitions", "diff", "greet", "--from", "1", "--to", "2") == [change]
    same = cli("definitions", "diff", "greet", "--from", "2", "--to", "2")
    assert (same.exit_code, same.stdout) == (0, "")
    assert "are the same" in same.stderr


def test_delete(cli: Cli, file: Path) -> None:
    cli("definitions", "put", str(file))
    assert cli("definitions", "delete", "greet").exit_code == 0
    again = cli("definitions", "delete", "greet")
    assert (again.exit_code, again.stderr) == (1, "sedo: not found: definition greet is unknown\n")

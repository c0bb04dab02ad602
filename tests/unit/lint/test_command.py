"""The command: lines and JSON, places in YAML and JSON, exit codes, silence where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sedo.lint.command import CLEAN, FOUND, USAGE, run
from tests.unit.cli.serving import Cli

NOWHERE = "http://127.0.0.1:9"
GOOD = "id: a\nsteps:\n  - { id: s, type: pass, end: true }\n"
WARNED = "id: a\nsteps:\n  - id: s\n    type: http\n    url: https://x.example\n    end: true\n"
BAD = "id: a\nsteps:\n  - id: s\n    type: echo\n    message: ${ stash.x }\n    end: true\n"
NO_RETRY = "'s' calls something outside and has no retry"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.yaml"


@pytest.mark.parametrize(
    ("text", "strict", "code"),
    [(GOOD, False, CLEAN), (GOOD, True, CLEAN), (WARNED, False, CLEAN), (WARNED, True, FOUND), (BAD, False, FOUND)],
)
def test_exit_code_says_whether_there_is_an_error(text: str, strict: bool, code: int, file: Path) -> None:
    file.write_text(text)
    assert run([file], strict=strict) == code
    assert Cli(NOWHERE)("lint", str(file), *(["--strict"] if strict else [])).exit_code == code


def test_findings_of_all_files_are_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(WARNED)
    other.write_text(BAD)
    assert run([one, other]) == FOUND
    assert capsys.readouterr().out.splitlines() == [
        f"{one}:3:5: warning: {NO_RETRY} (no-retry)",
        f"{other}:5:14: error: nothing fills stash.x: no step on any way to here writes it (never-filled)",
    ]


def test_test_files_are_left_to_their_own_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, test = tmp_path / "one.yaml", tmp_path / "one.test.yaml"
    one.write_text(GOOD)
    test.write_text("cases: []\n")
    assert (run([one, test]), run([test])) == (CLEAN, USAGE)
    assert "sedo test" in capsys.readouterr().err


def test_json_has_every_part_of_a_finding(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(WARNED)
    assert run([file], json=True) == CLEAN
    place = {"file": str(file), "line": 3, "column": 5, "path": "/steps/0"}
    assert json.loads(capsys.readouterr().out) == [
        place | {"severity": "warning", "rule": "no-retry", "message": NO_RETRY}
    ]


def test_clean_files_print_nothing_and_an_empty_list_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert run([file]) == CLEAN
    assert capsys.readouterr().out == ""
    run([file], json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_file_that_cannot_be_read_is_a_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([tmp_path / "none.yaml"]) == USAGE
    assert run([tmp_path]) == USAGE
    assert "none.yaml: cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--jsn", "a.yaml"], ["."], ["none.yaml"]])
def test_wrong_command_line_is_a_wrong_use(arguments: list[str]) -> None:
    assert Cli(NOWHERE)("lint", *arguments).exit_code == USAGE


def test_command_prints_what_was_found_in_all_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(GOOD)
    other.write_text(WARNED)
    done = Cli(NOWHERE)("lint", str(one), str(other))
    assert (done.exit_code, done.stdout) == (CLEAN, f"{other}:3:5: warning: {NO_RETRY} (no-retry)\n")
    assert [found["rule"] for found in Cli(NOWHERE).json("lint", str(one), str(other))] == ["no-retry"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", b"id: a\nsteps: [", "2:9: error: not valid YAML"),
        ("a.yaml", b"", "1:1: error: the body is empty"),
        ("a.yaml", b"id: \xff", "error: "),
        ("a.yaml", b"- 1\n", "1:1: error: a definition must be an object"),
        ("a.yaml", b"a: " + b"x" * 300_000, "error: the body has 300,003 bytes, allowed are 262,144"),
        ("a.json", b'{"id": "a",\n "id": "b"}', "2:2: error: key 'id' is written twice in one object"),
        ("a.json", b"id: a\n", "1:1: error: "),
    ],
)
def test_what_is_no_document_is_said_with_its_place(
    name: str, content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert run([tmp_path / name]) == FOUND
    out = capsys.readouterr().out
    assert said in out
    assert out.endswith("(definition)\n")


def test_all_problems_of_posting_are_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("id: A\nsteps:\n  - id: s\n    type: echo\n    message: ${ inptu }\n    next: t\n")
    assert run([file]) == FOUND
    lines = [line.removeprefix(f"{file}:") for line in capsys.readouterr().out.splitlines()]
    assert [line.split(" ")[0] for line in lines] == ["1:5:", "5:14:", "6:11:"]
    assert all(line.endswith("(definition)") for line in lines)


def test_findings_of_one_place_are_told_apart_by_their_fields(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(
        "id: a\nsteps:\n  - id: s\n    type: human\n    title: t\n    role: x\n    catch: [{}]\n    end: true\n"
    )
    assert run([file]) == FOUND
    assert [line.removeprefix(f"{file}:") for line in capsys.readouterr().out.splitlines()] == [
        "6:5: error: unknown field 'role', did you mean 'roles'? (definition)",
        "7:13: error: field 'errors' is missing (definition)",
        "7:13: error: field 'next' is missing (definition)",
    ]


def test_what_an_alias_repeats_is_one_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD.replace("${ stash.x }", "{ a: &a ['${ stash.x }', '${ stash.x }'], b: *a }"))
    assert run([file]) == FOUND
    places = [line.removeprefix(f"{file}:").split(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert places == ["5:23:", "5:39:", "5:59:"]


def test_json_is_located_with_tabs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    file.write_text(
        '{\n\t"id": "a",\n\t"steps": [\n\t\t{"id": "s", "type": "http", "url": "https://x.y", "end": true}]}'
    )
    run([file])
    assert capsys.readouterr().out.startswith(f"{file}:4:3: warning: ")


@pytest.mark.parametrize(
    "text",
    [
        WARNED.replace("- id: s", "- id: s # sedo: ignore no-retry"),
        WARNED.replace("  - id", "  # Why not.\n  # sedo: ignore no-retry\n\n  - id"),
        WARNED.replace("end:", "description: 'Best effort. sedo: ignore no-retry'\n    end:"),
        BAD.replace("x }", "x } # sedo: ignore never-filled"),
        BAD.replace("- id: s", "- id: s # sedo: ignore never-filled"),
    ],
)
def test_author_can_silence_a_rule(text: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(text)
    assert run([file], strict=True) == CLEAN
    assert capsys.readouterr().out == ""


def test_json_is_silenced_by_a_description(tmp_path: Path) -> None:
    step = {"id": "s", "type": "http", "url": "https://x.example", "end": True}
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"id": "a", "steps": [step]}))
    assert run([file], strict=True) == FOUND
    file.write_text(json.dumps({"id": "a", "steps": [step | {"description": "sedo: ignore no-retry"}]}))
    assert run([file], strict=True) == CLEAN


def test_silence_is_for_its_place_and_rule_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = "  - { id: t, type: http, url: 'https://x.example/${ input.body }', end: true }\n"
    first = WARNED.replace("end: true", "next: t").replace(
        "- id: s", "- id: s # sedo: ignore no-retry, hot-loop, nosuch"
    )
    file.write_text(first + second)
    run([file])
    assert [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "warning: nothing to silence here: take the ignore away (unused-ignore)",
        "warning: there is no rule 'nosuch': take the ignore away (unused-ignore)",
        "warning: 't' calls something outside and has no retry (no-retry)",
    ]


def test_what_posting_refuses_cannot_be_silenced(file: Path) -> None:
    file.write_text(BAD.replace("message", "mesage").replace("- id: s", "- id: s # sedo: ignore definition"))
    assert run([file]) == FOUND

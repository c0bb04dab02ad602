"""Reading what --run is given, and the words in which it tells what happens."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from sandbox import client, run


def test_input_in_three_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"from": "file"}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"from": "stdin"}')))
    assert run.read_input(None) == {}
    assert run.read_input("[1]") == [1]
    assert run.read_input(f"@{file}") == {"from": "file"}
    assert run.read_input("-") == {"from": "stdin"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"a":', "--input is not JSON: line 1, column 6"),
        ("{'a': 1}", "--input is not JSON: line 1, column 2"),
        ("NaN", "NaN is no JSON value"),
        ("@/nowhere/x.json", "/nowhere/x.json: No such file or directory"),
    ],
)
def test_wrong_input(given: str, said: str) -> None:
    with pytest.raises(run.BadInput, match=said):
        run.read_input(given)


def test_definition_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "d.yml"
    file.write_text("id: a")
    assert run.read_definition(file) == (b"id: a", "application/yaml")
    with pytest.raises(run.BadInput, match=r"expected a name that ends in"):
        run.read_definition(tmp_path / "d.txt")
    with pytest.raises(run.BadInput, match="No such file"):
        run.read_definition(tmp_path / "none.json")


def test_a_line_of_history() -> None:
    event = {"seq": 3, "at": "2026-01-01T00:00:45.012Z", "type": "StepSucceeded", "step": "wait", "output": {"a": 1}}
    seconds = run.seconds_between("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:45.012Z")
    assert run.line(event, seconds).split() == ["45.012", "s", "StepSucceeded", "wait", '{"a":', "1}"]
    assert run.line({"type": "ExecutionSubmitted"}, 0).endswith("ExecutionSubmitted")


def test_only_success_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.show_end({"state": "ExecutionSucceeded", "output": {"ä": 1}}) == 0
    assert json.loads(capsys.readouterr().out) == {"ä": 1}
    assert run.show_end({"state": "ExecutionFailed", "error": {"error": "X"}}) == 1
    assert run.show_end({"state": "ExecutionCancelled"}) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "ExecutionFailed" in shown.err


def test_problems_in_words() -> None:
    problem = {
        "title": "definition is not valid",
        "detail": "2 problems",
        "errors": [
            {"path": "/steps/0/seconds", "message": "expected a number", "line": 3, "column": 5},
            {"message": "m"},
        ],
    }
    assert client.in_words(400, json.dumps(problem).encode()).splitlines() == [
        "definition is not valid: 2 problems",
        "  /steps/0/seconds (line 3, column 5): expected a number",
        "  m",
    ]
    assert client.in_words(502, b"<html>") == "HTTP 502: <html>"


def test_next_page_is_relative_to_this_one() -> None:
    url = "http://127.0.0.1:1/a/history"
    assert client.next_page(url, '</a/history?cursor=x>; rel="next"') == "http://127.0.0.1:1/a/history?cursor=x"
    assert client.next_page(url, None) is None

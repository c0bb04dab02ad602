"""The comparison's document has the form that others read, and peers are commands that print one JSON line."""

from __future__ import annotations

import json

import pytest

from sedo.bench import peers
from sedo.bench.compare import Row, document, table

ROWS = [
    Row("sedo", "ministack", "pure", 10, 200, 300.0, 10.0, 20.0, 400),
    Row("step-functions", "ministack", "pure", 10, 200, 150.0, 12.0, 30.0),
    Row("other", None, "pure", 10, 200, 50.0),
    Row("other", None, "effect", 10, 200, 50.0),
]


def test_the_document_has_rows_and_ratios() -> None:
    found = json.loads(json.dumps(document(ROWS)))
    assert set(found) == {"rows", "ratios"}
    names = {"engine", "emulator", "mode", "steps", "executions", "per_s", "p50_ms", "p99_ms", "requests"}
    assert all(set(row) == names for row in found["rows"])
    assert found["ratios"] == {"step-functions.ministack.pure.10": 2.0, "other.ministack.pure.10": 6.0}
    assert "2.00 x" in table(ROWS)


def test_a_peer_prints_one_json_line_and_is_told_what_to_run() -> None:
    command = """echo starting; echo '{"per_s": {steps}.5, "n": {executions}, "mode": "{mode}", "url": "{url}"}'"""
    found = peers.run(command, "pure", 10, 200, "http://127.0.0.1:1/")
    assert found == {"executions": 200, "per_s": 10.5, "p50_ms": None, "p99_ms": None}


@pytest.mark.parametrize("command", ["exit 3", "echo nothing"])
def test_a_peer_that_fails_says_so(command: str) -> None:
    with pytest.raises(peers.PeerFailed):
        peers.run(command, "pure", 1, 1, "")

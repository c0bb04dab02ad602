"""`sedo verify`: a definition whose outcome depends on how often a call arrives is caught, and no other one is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.api import yaml_text
from chalicelib.engine.schemas import compile_schema
from sedo.cli.app import root
from sedo.verify.generate import Unmakeable, value_for
from sedo.verify.sweep import allot, spread
from sedo.verify.ways import ways

ROOT = Path(__file__).parents[3]
COUNTED = """
id: d
steps:
  - { id: count, type: http, method: POST, url: "https://c.example/next", output: "${ output.body.n }", next: which }
  - { id: which, type: choice, choices: [{ when: "${ input == `1` }", next: first }], default: other }
  - { id: first, type: succeed, output: first }
  - { id: other, type: succeed, output: other }
"""
BY_ARRIVALS = "[{ arrivals: [{ output: { body: { n: 1 } } }, { output: { body: { n: 2 } } }] }]"
BY_KEY = "[{ output: { body: { n: 1 } } }, { output: { body: { n: 2 } } }]"


def verify(path: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(root, ["verify", str(path), "--json", *words])
    assert done.exit_code == code, done.output
    return dict(json.loads(done.stdout))


def written(folder: Path, definition: str, cases: str = "") -> Path:
    (folder / "d.yaml").write_text(definition)
    if cases:
        (folder / "d.test.yaml").write_text(cases)
    return folder / "d.yaml"


def test_an_outcome_that_depends_on_arrivals_is_caught_with_its_story(tmp_path: Path) -> None:
    case = f"cases: [{{ name: a, mocks: {{ count: {BY_ARRIVALS} }}, expect: {{ output: first }} }}]"
    path = written(tmp_path, COUNTED, case)
    assert CliRunner().invoke(root, ["test", str(path)]).exit_code == 0, "nothing is seen of it undisturbed"
    found = verify(path, code=1)
    assert (found["same"], found["endedOtherwise"] > 0) == (False, True)
    (other,) = found["shortest"]
    assert (other["expected"]["output"], other["found"]["output"]) == ("first", "other")
    assert sum("calls outside for count" in line for line in other["trace"]) == 2
    assert "crash" in other["fault"]


def test_the_same_definition_with_a_service_that_knows_the_key_is_fine(tmp_path: Path) -> None:
    case = f"cases: [{{ name: a, mocks: {{ count: {BY_KEY} }}, expect: {{ output: first }} }}]"
    found = verify(written(tmp_path, COUNTED, case))
    assert found["same"]
    (call,) = found["outside"]
    assert (call["twice"], call["key"], call["readsOnly"]) == (True, "the header Idempotency-Key", False)
    assert set(found["sweep"]["kinds"]) == {"crash", "crash_after", "duplicate", "late"}
    assert found["sweep"]["runs"] == found["sweep"]["possible"] > 15


def test_every_io_call_after_the_start_is_crashed_before_and_after(tmp_path: Path) -> None:
    found = verify(written(tmp_path, COUNTED), "--made-up")
    for run in found["scenarios"]["runs"]:
        assert run["ioCalls"] >= 6
    kinds = found["sweep"]["kinds"]
    before_the_start = len(found["scenarios"]["runs"])  # the first commit, after which alone anything can be lost
    assert kinds["crash_after"] - kinds["crash"] == before_the_start


def test_a_timeout_that_strikes_meanwhile_is_told_apart(tmp_path: Path) -> None:
    short = COUNTED.replace("steps:", "timeoutSeconds: 30\nsteps:")
    case = f"cases: [{{ name: a, mocks: {{ count: {BY_KEY} }}, expect: {{ output: first }} }}]"
    found = verify(written(tmp_path, short, case))
    assert (found["same"], found["timedOut"] > 0) == (True, True)
    assert found["shortest"][0]["found"]["state"] == "ExecutionTimedOut"


EXAMPLES = [path for path in sorted(ROOT.glob("examples/*.yaml")) if ".test." not in path.name]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_verify(path: Path) -> None:
    found = verify(path, "--effort", "4000")
    assert found["same"]
    assert found["longestPath"]["visits"] > 0
    usd = found["dearestPath"]["usd"]
    assert 0 < usd["sedo"] < usd["stepFunctionsStandard"]


def test_people_children_items_and_signals_verify_without_a_test_file(tmp_path: Path) -> None:
    definition = """
id: d
steps:
  - id: both
    type: parallel
    branches:
      - steps: [{ id: ok, type: human, inputSchema: { type: object, required: [fine] }, end: true }]
      - steps: [{ id: paid, type: signal, name: paid, end: true }]
    next: each
  - id: each
    type: map
    items: [1, 2, 3]
    steps: [{ id: call, type: http, url: "https://x.example/${ item }", end: true }]
    next: kid
  - { id: kid, type: execute, definition: elsewhere, end: true }
"""
    found = verify(written(tmp_path, definition))
    assert found["same"]
    (run,) = found["scenarios"]["runs"]
    assert run["path"] == [{"both": [["ok"], ["paid"]]}, {"each": [["call"]] * 3}, {"kid": ["answer"]}]
    assert {one["step"] for one in found["outside"] if "why" in one} == {"ok", "paid", "kid"}


def test_what_cannot_be_run_is_no_success(tmp_path: Path) -> None:
    found = verify(written(tmp_path, COUNTED, "cases: [{ name: a, expect: { output: 1 } }]"), code=1)
    assert "there is no mock of count" in found["broken"][0]["message"]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"}}},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "string"}},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
        {"type": "integer", "minimum": 7, "multipleOf": 5},
        {"$ref": "#/$defs/x", "$defs": {"x": {"enum": ["y"]}}},
        {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"const": 0}}}]},
        {"type": ["null", "string"]},
        {"oneOf": [{"type": "string", "minLength": 30}, {"type": "null"}]},
        {"type": "string", "pattern": "^https://"},
        {"default": 0, "type": "integer"},
    ],
)
def test_values_pass_the_schemas_they_are_made_for(schema: Any) -> None:
    assert compile_schema(schema, "", []).problem(value_for(schema)) is None


def test_what_cannot_be_made_is_said() -> None:
    with pytest.raises(Unmakeable, match="no value could be made"):
        value_for({"type": "string", "pattern": "^(ab|cd){3}!$"})


def test_ways_take_each_route_once() -> None:
    document, _ = yaml_text.read((ROOT / "examples" / "order-fulfilment" / "order-fulfilment.yaml").read_text())
    found, missed = ways(document)
    taken = {(step, route) for way in found for step, route in way.routes.items() if step in way.steps}
    assert {
        ("is-large", "/choices/0"),
        ("is-large", "/default"),
        ("reserve", "/catch/0"),
        ("charge", "/catch/0"),
    } <= taken
    assert missed == []


def test_effort_is_shared_out() -> None:
    assert allot([(100, 10), (5000, 2000), (50, 10)], 100_000) == [100, 49, 50]
    assert spread(list(range(10)), 3) == [0, 4, 9]


def test_both_need_nothing_that_is_not_installed_with_the_command() -> None:
    code = """
import sys
for name in ("boto3", "botocore", "chalice", "watchfiles", "hypothesis", "pytest", "mypy"):
    sys.modules[name] = None
from click.testing import CliRunner
from sedo.cli.app import root
for words in (["test", "examples/remind-later.yaml"], ["verify", "examples/remind-later.yaml"]):
    done = CliRunner().invoke(root, words)
    assert done.exit_code == 0, (words, done.output, done.exception)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)

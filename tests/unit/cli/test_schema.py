"""`sedo schema`: one schema that takes what the engine takes and finds slips of the pen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chalicelib.engine.published import definition_schema
from sedo.cli.files import read_definition
from tests.unit.cli.serving import Cli

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if ".test." not in path.name)


@pytest.fixture(scope="module")
def schema() -> Any:
    return Cli("http://127.0.0.1:9").json("schema", SEDO_TENANT=None)


def test_it_is_a_schema_that_editors_can_use_too(schema: Any) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema == definition_schema()
    assert not re.search(r"\\\\[AZz]", str(schema))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_pass(schema: Any, path: Path) -> None:
    assert list(Draft202012Validator(schema).iter_errors(read_definition(path).value)) == []


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({"id": "a", "type": "wait", "secconds": 1, "end": True}, "steps/0"),
        ({"id": "a", "type": "http", "url": 5, "end": True}, "steps/0/url"),
        ({"id": "a", "type": "wiat", "end": True}, "steps/0/type"),
        ({"id": "a b", "type": "pass", "end": True}, "steps/0/id"),
        ({"type": "pass", "end": True}, "steps/0"),
        (
            {"id": "a", "type": "parallel", "branches": [{"steps": [{"id": "b", "type": "pas"}]}], "end": True},
            "steps/0/branches/0/steps/0/type",
        ),
        (
            {"id": "a", "type": "map", "items": [], "steps": [{"id": 5, "type": "pass"}], "end": True},
            "steps/0/steps/0/id",
        ),
    ],
)
def test_slips_are_found(schema: Any, step: Any, path: str) -> None:
    errors = Draft202012Validator(schema).iter_errors({"id": "x", "steps": [step]})
    assert path in ["/".join(map(str, error.absolute_path)) for error in errors]

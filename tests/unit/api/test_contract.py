"""The contract and the app are one: every route is in openapi.yaml, and the reverse; examples pass their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import app
from chalicelib.api import contract, yaml_text
from chalicelib.api.routes import ROUTES
from chalicelib.engine.execution import State
from chalicelib.engine.history import EventType
from chalicelib.engine.shape import DEFINITION

METHODS = ("get", "post", "put", "patch", "delete")
ROOT = Path(__file__).parents[3]


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, item in contract.document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def test_every_route_is_in_the_contract_and_the_reverse() -> None:
    routes = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    assert routes == {(method, path) for method, path, _ in operations()}
    assert routes == {(route.method, route.path) for route in ROUTES}


def test_the_json_is_made_of_the_yaml() -> None:
    document, _ = yaml_text.read(contract.OPENAPI.with_suffix(".yaml").read_text())
    assert json.loads(contract.OPENAPI.read_text()) == document, "run scripts/openapi"


def test_operations_have_their_path_parameters_and_say_what_goes_wrong() -> None:
    for method, path, operation in operations():
        read = contract.operation(method, path)
        assert [name for place, name in read.parameters if place == "path"] == [
            part[1:-1] for part in path.split("/") if part.startswith("{")
        ]
        if "{" in path:
            assert {"400", "503"} <= set(operation["responses"]), operation["operationId"]


def test_references_lead_somewhere() -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found = contract.document()
                for part in value["$ref"].split("/")[1:]:
                    found = found[part]
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(contract.document())


def contents() -> Iterator[Any]:
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                yield pytest.param(content, id=f"{method} {path} {status} {media_type}")
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield pytest.param(content, id=f"{method} {path} {media_type}")


@pytest.mark.parametrize("content", list(contents()))
def test_examples_pass_their_schemas(content: Any) -> None:
    schema = {"components": contract.document()["components"], **content["schema"]}
    Draft202012Validator.check_schema(schema)
    if "example" in content:
        Draft202012Validator(schema).validate(content["example"])


def test_what_the_engine_knows_is_what_the_contract_says() -> None:
    schemas = contract.document()["components"]["schemas"]
    assert schemas["State"]["enum"] == [state.value for state in State]
    assert set(schemas["Definition"]["properties"]) == set(DEFINITION["properties"])


def test_the_example_is_the_same_everywhere() -> None:
    in_json = json.loads((ROOT / "example-definition.json").read_text())
    in_yaml, _ = yaml_text.read((ROOT / "examples" / "example-definition.yaml").read_text())
    in_contract = contract.document()["components"]["examples"]["definition"]["value"]
    assert in_json == in_yaml == in_contract


def test_every_type_of_event_is_on_the_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    assert [kind.value for kind in EventType if f"`{kind.value}`" not in page] == []


def test_the_api_may_read_every_index_that_it_lists_from() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy-api.json").read_text())
    resources: list[str] = []
    for statement in policy["Statement"]:
        found = statement["Resource"]
        resources += [found] if isinstance(found, str) else found
    allowed = {resource.rpartition("/index/")[2] for resource in resources if "/index/" in resource}
    assert allowed == {"by_tenant", "inbox"}

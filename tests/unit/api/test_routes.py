"""Every route: what it answers when all is well, and what it says when not."""

from __future__ import annotations

from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from chalicelib.api import contract
from chalicelib.engine.published import definition_schema
from chalicelib.ports import Unavailable
from tests.unit.api.local import EXAMPLE, LocalApi, Reply


@pytest.fixture
def api() -> LocalApi:
    api = LocalApi()
    assert api.post("definitions", EXAMPLE).status == 201
    return api


def fits(reply: Reply, name: str) -> Any:
    schema = {"components": contract.document()["components"], "$ref": f"#/components/schemas/{name}"}
    Draft202012Validator(schema).validate(reply.json)
    return reply.json


def problem(reply: Reply, status: int) -> Any:
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert fits(reply, "Problem")["status"] == status
    return reply.json


def test_health_needs_nothing() -> None:
    api = LocalApi()
    api.runtime = cast("Any", None)
    reply = api.get("/health")
    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_the_contract_is_served(api: LocalApi) -> None:
    assert api.get("/openapi.json").json == contract.document()


def test_schema_of_definitions_is_served(api: LocalApi) -> None:
    assert api.get("/schemas/definition.json").json == definition_schema()


def test_answers_read_well_on_a_terminal(api: LocalApi) -> None:
    reply = api.get("definitions")
    assert reply.text == '[\n  {\n    "id": "example-definition",\n    "tenantId": "123"\n  }\n]\n'
    assert reply.headers["Content-Type"] == "application/json"


def test_wrong_input_is_said_as_jsonschema_says_it(api: LocalApi) -> None:
    reply = api.post("definitions/example-definition/execute", {"input": {"bar": "baz"}})
    assert reply.status == 400
    assert list(reply.json) == ["detail", "status", "title", "type"]
    assert reply.json == {
        "detail": "Additional properties are not allowed ('bar' was unexpected)\n\n"
        "Failed validating 'additionalProperties' in schema:\n"
        "    {'additionalProperties': False,\n"
        "     'properties': {'foo': {'type': 'string'}},\n"
        "     'required': ['foo'],\n"
        "     'type': 'object'}\n\n"
        "On instance:\n    {'bar': 'baz'}",
        "status": 400,
        "title": "input does not pass inputSchema validation",
        "type": None,
    }


def test_a_start_and_what_is_shown_of_it(api: LocalApi) -> None:
    started = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}, "name": "first"})
    execution_id = started.json["id"]
    assert started.status == 202
    assert started.json == {"id": execution_id, "state": "ExecutionSubmitted", "tenantId": "123"}
    item = {"id": execution_id, "state": "StepStarted", "step": "wait-some-time", "tenantId": "123"}
    assert api.get("executions").json == [item]
    shown = fits(api.get(f"executions/{execution_id}"), "Execution")
    assert {name: shown[name] for name in item} == item
    assert shown["name"] == "first"
    assert shown["input"] == {"foo": "bar"}
    assert shown["startedAt"] == "2026-11-02T09:15:00.123Z"
    assert not {"output", "error", "endedAt"} & set(shown)
    assert shown["cost"]["estimated"] is True
    assert (shown["cost"]["writes"], shown["cost"]["sends"], shown["cost"]["chunks"]) == (1, 1, 0)
    assert 0 < shown["cost"]["total"] < 0.00001


def test_history_in_pages(api: LocalApi) -> None:
    execution_id = api.start()
    whole = api.get(f"executions/{execution_id}/history")
    assert "Link" not in whole.headers
    assert [event["seq"] for event in whole.json] == list(range(1, len(whole.json) + 1))
    page = api.get(f"executions/{execution_id}/history?limit=2")
    assert page.headers["Link"] == '<?limit=2&cursor=2>; rel="next"'
    assert api.get(f"executions/{execution_id}/history?limit=500&cursor=2").json == whole.json[2:]


def test_pages_keep_the_parameters_of_the_request(api: LocalApi) -> None:
    started = [api.start() for _ in range(5)]
    path = "executions?state=StepStarted&state=ExecutionFailed&definition=example-definition&limit=2"
    page = api.get(path)
    seen = list(page.json)
    while link := page.headers.get("Link"):
        assert link.startswith("<" + path.removeprefix("executions") + "&cursor=")
        page = api.get("executions" + link[1 : link.index(">")])
        seen += page.json
    assert sorted(item["id"] for item in seen) == sorted(started)


def test_filters(api: LocalApi) -> None:
    api.start()
    assert len(api.get("executions?state=StepStarted,ExecutionSucceeded").json) == 1
    assert api.get("executions?state=ExecutionSucceeded").json == []
    assert api.get("executions?definition=another").json == []


def test_versions(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE | {"description": "second"})
    latest = fits(api.get("definitions/example-definition"), "DefinitionVersion")
    assert (latest["version"], latest["definition"]) == (2, EXAMPLE | {"description": "second"})
    assert api.get("definitions/example-definition?version=1").json["definition"] == EXAMPLE
    assert [item["version"] for item in api.get("definitions/example-definition/versions").json] == [2, 1]
    assert api.get("definitions/example-definition/versions?limit=1").headers["Link"].startswith("<?limit=1&cursor=")
    problem(api.get("definitions/example-definition?version=3"), 404)
    problem(api.get("definitions/another/versions"), 404)


def test_a_start_of_an_older_version(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE | {"description": "second"})
    assert api.get(f"executions/{api.start(version=1)}").json["version"] == 1
    assert api.get(f"executions/{api.start()}").json["version"] == 2
    problem(api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}, "version": 9}), 404)


def test_delete(api: LocalApi) -> None:
    reply = api.send("DELETE", "definitions/example-definition")
    assert (reply.status, reply.text) == (204, "")
    problem(api.send("DELETE", "definitions/example-definition"), 404)
    problem(api.get("definitions/example-definition"), 404)


def test_a_name_makes_a_start_idempotent(api: LocalApi) -> None:
    assert api.start(name="order-1") == api.start(name="order-1")
    other = {"input": {"foo": "baz"}, "name": "order-1"}
    assert "order-1" in problem(api.post("definitions/example-definition/execute", other), 409)["detail"]


def test_cancel(api: LocalApi) -> None:
    execution_id = api.start()
    path = f"executions/{execution_id}/cancel"
    reply = api.post(path, {"cause": "ordered twice"})
    assert (reply.status, reply.json) == (202, {"id": execution_id, "state": "ExecutionCancelled", "tenantId": "123"})
    assert api.post(path).status == 202
    shown = fits(api.get(f"executions/{execution_id}"), "Execution")
    assert shown["error"]["cause"] == "ordered twice"


def test_a_cancel_of_what_has_ended_is_a_conflict(api: LocalApi) -> None:
    api.post("definitions", {"id": "short", "steps": [{"id": "only", "type": "pass", "end": True}]})
    execution_id = api.post("definitions/short/execute", {"input": [1]}).json["id"]
    assert api.get(f"executions/{execution_id}").json["output"] == [1]
    problem(api.post(f"executions/{execution_id}/cancel"), 409)


def test_ids_in_paths_are_raw_or_encoded(api: LocalApi) -> None:
    execution_id = api.start()
    assert api.get(f"executions/{execution_id.replace(':', '%3A')}").json["id"] == execution_id
    assert api.get(f"/sedo/tenants/%31%32%33/executions/{execution_id}").status == 200


def test_another_tenant_sees_nothing(api: LocalApi) -> None:
    execution_id = api.start()
    assert api.get("/sedo/tenants/124/executions").json == []
    problem(api.get(f"/sedo/tenants/124/executions/{execution_id}"), 404)
    problem(api.post(f"/sedo/tenants/124/executions/{execution_id}/cancel"), 404)


def test_all_problems_of_a_definition_with_their_places(api: LocalApi) -> None:
    steps = "steps:\n  - id: one\n    type: ecko\n  - id: two\n    type: wait\n    secconds: 4\n    end: true\n"
    text = "id: Wrong Id\n" + steps
    found = problem(api.post("definitions", text, "application/yaml"), 400)
    assert found["title"] == "definition is not valid"
    places = {error["path"]: (error["line"], error["column"]) for error in found["errors"]}
    assert places["/id"] == (1, 5)
    assert places["/steps/0/type"] == (4, 11)
    assert places["/steps/1/secconds"] == (7, 5)
    assert "/steps/1/secconds" in found["detail"]


def test_places_are_known_in_json_too(api: LocalApi) -> None:
    found = problem(api.post("definitions", '{\n  "id": "Wrong Id",\n  "steps": []\n}'), 400)
    assert {error["path"]: error["line"] for error in found["errors"]} == {"/id": 2, "/steps": 3}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("executions?limit=0", "expected at least 1, found 0"),
        ("executions?limit=501", "expected at most 500, found 501"),
        ("executions?limit=ten", "expected a value of type integer, found 'ten'"),
        ("executions?limit=1&limit=2", "query parameter limit is written 2 times, expected once"),
        ("executions?state=Gone", "expected ExecutionSubmitted, StepStarted"),
        ("executions?state=StepStarted,,", "found ''"),
        ("executions?definition=No+No", "expected text that matches ^[a-z0-9]"),
        ("executions?colour=red", "unknown query parameter 'colour', expected cursor, definition, limit or state"),
        ("executions?cursor=nonsense", "cursor"),
        ("executions?cursor=", "cursor"),
        ("executions/x?limit=1", "unknown query parameter 'limit', expected nothing"),
        ("executions/x/history?cursor=-1", "expected at least 0"),
        ("definitions?cursor=%ff", "cursor"),
        ("definitions/Wrong%20Id", "/path/definitionId"),
        ("definitions/x%0A", "/path/definitionId"),
        ("/sedo/tenants/-/definitions", "/path/tenantId"),
        ("/sedo/tenants/123%0A/executions", "/path/tenantId"),
        ("definitions/example-definition?version=0", "expected at least 1"),
    ],
)
def test_wrong_parameters(api: LocalApi, path: str, message: str) -> None:
    found = problem(api.get(path), 400)
    assert message in found["detail"]
    assert found["errors"][0]["path"].startswith(("/query/", "/path/"))


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({}, "/input", "field 'input' is missing"),
        ({"input": {}, "extra": 1}, "/extra", "unknown field 'extra', expected input, name or version"),
        ({"input": {}, "name": "no no"}, "/name", "expected text that matches"),
        ({"input": {}, "name": "no\n"}, "/name", "expected text that matches"),
        ({"input": {}, "version": True}, "/version", "expected a value of type integer, found true"),
        ({"input": {}, "version": 1e300}, "/version", "expected at most"),
        ([], "", "expected a value of type object, found an empty array"),
        ("null", "", "expected a value of type object, found null"),
    ],
)
def test_wrong_bodies_name_the_field(api: LocalApi, body: Any, path: str, message: str) -> None:
    found = problem(api.post("definitions/example-definition/execute", body), 400)
    assert message in found["detail"]
    assert found["errors"][0]["path"] == path


@pytest.mark.parametrize(
    ("body", "media_type", "status", "message"),
    [
        (b'{"input": ', "application/json", 400, "line 1, column 11: not valid JSON"),
        (b'{"input": 1,\n "input": 2}', "application/json", 400, "line 2, column 2: key 'input' is written twice"),
        (b'{"input": "\xff"}', "application/json", 400, "line 1, column 12: byte 0xff is not UTF-8"),
        (b"", "application/json", 400, "the body is empty"),
        (b"{}", None, 415, "Content-Type is missing, expected application/json"),
        (b"{}", "application/x-www-form-urlencoded", 415, "curl: -H 'Content-Type: application/json'"),
        (b"{}", "application/yaml", 415, "expected application/json"),
        (b"{}", "application/json; charset=latin-1", 415, "charset is 'latin-1', expected utf-8"),
        (b'{"input": "' + b"x" * 4_198_400 + b'"}', "application/json", 413, "4,198,413 bytes, allowed are 4,198,400"),
        (b'{"input": [' + b"1e15," * 300_000 + b"1]}", "application/json", 413, "written out as JSON"),
        (b'{"input": [' + b"0," * 500_000 + b"1]}", "application/json", 400, "at most 419,840 are allowed"),
    ],
)
def test_bodies_that_cannot_be_read(
    api: LocalApi, body: Any, media_type: str | None, status: int, message: str
) -> None:
    before = api.store.writes
    found = problem(api.post("definitions/example-definition/execute", body, media_type), status)
    assert message in found["detail"]
    assert api.store.writes == before


def test_charset_utf_8_is_fine(api: LocalApi) -> None:
    body = '{"input": {"foo": "ü"}}'
    reply = api.post("definitions/example-definition/execute", body, 'application/json; charset="UTF-8"')
    assert reply.status == 202
    assert '"foo": "ü"' in api.get(f"executions/{reply.json['id']}").text


def test_a_large_definition_is_refused_with_what_is_allowed(api: LocalApi) -> None:
    body = EXAMPLE | {"description": "x" * 262_144}
    assert "allowed are 262,144" in problem(api.post("definitions", body), 413)["detail"]


def test_an_outage_is_not_the_callers_fault(api: LocalApi) -> None:
    api.store.failure = Unavailable("DynamoDB does not answer")
    reply = api.get("executions/x")
    assert "DynamoDB does not answer" in problem(reply, 503)["detail"]
    assert reply.headers["Retry-After"] == "1"
    problem(api.post("definitions", EXAMPLE), 503)


def test_a_head_that_cannot_be_read_is_said_so(api: LocalApi) -> None:
    api.store.damage("123:x:1", tenant_id="123")
    problem(api.get("executions/123:x:1"), 503)
    assert api.get("executions").status == 200


def test_a_fault_of_our_own_is_logged_and_has_a_number(api: LocalApi, caplog: pytest.LogCaptureFixture) -> None:
    api.store.failure = ZeroDivisionError("oops")
    found = problem(api.get("executions/x"), 500)
    assert found["requestId"] in found["detail"]
    assert "oops" not in found["detail"]
    assert "ZeroDivisionError" in caplog.text


def test_what_chalice_answers_itself(api: LocalApi) -> None:
    reply = api.send("PUT", "definitions")
    assert "allowed: POST, GET" in problem(reply, 405)["detail"]
    assert reply.headers["Allow"] == "POST, GET"
    assert api.get("/nowhere").status == 403

"""The API over HTTP on both emulators, with real server, worker, tables and queues."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.served import Api, serving, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLE: dict[str, Any] = json.loads((ROOT / "example-definition.json").read_text())
REFUSED_INPUT = {
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


@pytest.fixture(scope="module", params=["ministack", "localstack"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    url = request.getfixturevalue(f"{request.param}_url")
    with serving(url, tmp_path_factory.mktemp(request.param)) as api:
        yield api


@pytest.fixture
def api(service: Api, request: pytest.FixtureRequest) -> Api:
    """A tenant of the test's own."""
    return service.for_tenant(f"{service.tenant_id}-{abs(hash(request.node.name)) % 10**8}")


def waiting(seconds: float) -> dict[str, Any]:
    steps = [step | {"seconds": seconds} if step["type"] == "wait" else step for step in EXAMPLE["steps"]]
    return EXAMPLE | {"steps": steps}


def walk_through(api: Api, definition: dict[str, Any], seconds: float) -> None:
    """The six curl steps, each body field by field."""
    created = api.post("definitions", definition)
    assert (created.status, created.json) == (201, {"id": "example-definition", "tenantId": api.tenant_id})

    listed = api.get("definitions")
    assert (listed.status, listed.json) == (200, [{"id": "example-definition", "tenantId": api.tenant_id}])

    refused = api.post("definitions/example-definition/execute", {"input": {"bar": "baz"}})
    assert (refused.status, refused.json) == (400, REFUSED_INPUT)
    assert api.get("executions").json == []

    started = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}})
    execution_id = started.json["id"]
    assert started.status == 202
    assert started.json == {"id": execution_id, "state": "ExecutionSubmitted", "tenantId": api.tenant_id}
    assert execution_id.startswith(f"{api.tenant_id}:example-definition:")

    item = {"id": execution_id, "tenantId": api.tenant_id}
    waits = [item | {"state": "StepStarted", "step": "wait-some-time"}]
    wait_until(lambda: api.get("executions").json, lambda found: found == waits, 10)

    ended = [item | {"state": "ExecutionSucceeded", "step": "last-echo"}]
    wait_until(lambda: api.get("executions").json, lambda found: found == ended, seconds + 30)


def test_the_walk_through(api: Api) -> None:
    walk_through(api, waiting(3), 3)


@pytest.mark.slow
def test_the_walk_through_as_it_is_written_with_its_45_seconds(api: Api) -> None:
    walk_through(api, EXAMPLE, 45)
    execution = api.get("executions").json[0]["id"]
    shown = api.get(f"executions/{execution}").json
    assert shown["startedAt"] < shown["endedAt"]


def test_an_execution_and_its_history(api: Api) -> None:
    api.post("definitions", waiting(1))
    execution_id = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).json["id"]
    shown = api.wait_for_end(execution_id)
    assert shown["input"] == shown["output"] == {"foo": "bar"}
    assert shown["cost"]["estimated"] is True
    history = api.get(f"executions/{execution_id}/history").json
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    assert [history[0]["type"], history[-1]["type"]] == ["ExecutionSubmitted", "ExecutionSucceeded"]

    assert api.pages(f"executions/{execution_id}/history?limit=3") == history


def test_ids_in_paths_are_raw_or_encoded(api: Api) -> None:
    api.post("definitions", waiting(60))
    execution_id = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).json["id"]
    raw, encoded = api.get(f"executions/{execution_id}"), api.get(f"executions/{execution_id.replace(':', '%3A')}")
    assert raw.status == encoded.status == 200
    assert raw.json["id"] == encoded.json["id"] == execution_id


def test_a_yaml_definition(api: Api) -> None:
    text = (ROOT / "examples" / "example-definition.yaml").read_text()
    assert api.post("definitions", text, "application/yaml").status == 201
    assert api.get("definitions/example-definition").json["definition"] == EXAMPLE


def test_pages_of_executions_hold_each_once(api: Api) -> None:
    api.post("definitions", waiting(60))
    started = [
        api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).json["id"] for _ in range(7)
    ]
    assert sorted(item["id"] for item in api.pages("executions?limit=3")) == sorted(started)
    assert api.get("executions?state=ExecutionSucceeded").json == []
    assert len(api.get("executions?state=StepStarted,ExecutionFailed").json) == 7


def test_a_name_makes_a_start_idempotent(api: Api) -> None:
    api.post("definitions", waiting(60))
    first = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}, "name": "order-1"})
    again = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}, "name": "order-1"})
    other = api.post("definitions/example-definition/execute", {"input": {"foo": "baz"}, "name": "order-1"})
    assert first.status == again.status == 202
    assert first.json == again.json
    assert other.status == 409
    assert len(api.get("executions").json) == 1


def test_cancel(api: Api) -> None:
    api.post("definitions", waiting(60))
    execution_id = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).json["id"]
    cancelled = api.post(f"executions/{execution_id}/cancel", {"cause": "ordered twice"})
    assert (cancelled.status, cancelled.json["state"]) == (202, "ExecutionCancelled")
    assert api.post(f"executions/{execution_id}/cancel").status == 202
    assert api.get(f"executions/{execution_id}").json["error"]["cause"] == "ordered twice"


def test_a_deleted_definition_lets_what_runs_go_on(api: Api) -> None:
    api.post("definitions", waiting(2))
    execution_id = api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).json["id"]
    assert api.send("DELETE", "definitions/example-definition").status == 204
    assert api.send("DELETE", "definitions/example-definition").status == 404
    assert api.get("definitions").json == []
    assert api.post("definitions/example-definition/execute", {"input": {"foo": "bar"}}).status == 404
    assert api.wait_for_end(execution_id)["state"] == "ExecutionSucceeded"


def test_wrong_requests(api: Api) -> None:
    api.post("definitions", EXAMPLE)
    execute = "definitions/example-definition/execute"
    wrong = {
        404: [
            api.get("definitions/nope"),
            api.get("executions/nope"),
            api.post("definitions/nope/execute", {"input": 1}),
        ],
        400: [
            api.post(execute, '{"input": '),
            api.post(execute, {"input": {"foo": "bar"}, "extra": 1}),
            api.post("definitions", "a: [", "application/yaml"),
            api.get("executions?limit=0"),
            api.get("executions?cursor=nonsense"),
            api.get("definitions?cursor=nonsense"),
        ],
        413: [api.post(execute, {"input": {"foo": "x" * 4_200_000}})],
        415: [api.post(execute, '{"input": {}}', "application/x-www-form-urlencoded")],
    }
    for status, answers in wrong.items():
        for answer in answers:
            assert answer.status == status, answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert {"detail", "status", "title", "type"} <= set(answer.json)
    assert api.get("executions").json == []


def test_megabytes_go_through_a_wait_and_come_back(api: Api) -> None:
    text = random.Random(1).randbytes(2_000_000).hex()
    steps = [
        {"id": "keep", "type": "pass", "stash": {"text": "${ input.text }"}, "next": "rest"},
        {"id": "rest", "type": "wait", "seconds": 1, "output": {"n": "${ length(input.text) }"}, "next": "end"},
        {"id": "end", "type": "echo", "message": "${ stash.text }", "output": "${ input }", "end": True},
    ]
    assert api.post("definitions", {"id": "large", "steps": steps, "retentionDays": 1}).status == 201
    started = api.post("definitions/large/execute", {"input": {"text": text}})
    assert started.status == 202, started.text
    found = api.wait_for_end(started.json["id"], 60)
    assert (found["state"], found["output"]) == ("ExecutionSucceeded", {"n": len(text)})
    reference = {"$payload": {"bytes": len(text) + 2, "digest": found["stash"]["text"]["$payload"]["digest"]}}
    assert found["input"] == {"text": text}, "one of the two fits into the answer"
    assert found["stash"] == {"text": reference}
    events = api.pages(f"executions/{started.json['id']}/history")
    assert events[0]["input"] == {"text": text}
    assert [event["message"] for event in events if "message" in event] == [reference]

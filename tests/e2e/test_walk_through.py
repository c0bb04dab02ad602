"""The seed's walk-through on the packaged app: API Gateway → Lambda → SQS → Lambda → DynamoDB, no worker of ours."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.packaged import Deployed, eventually

ROOT = Path(__file__).resolve().parents[2]
TENANT = "/sedo/tenants/123"
WAIT_SECONDS = 4
INVALID_INPUT_DETAIL = (
    "Additional properties are not allowed ('bar' was unexpected)\n\n"
    "Failed validating 'additionalProperties' in schema:\n"
    "    {'additionalProperties': False,\n"
    "     'properties': {'foo': {'type': 'string'}},\n"
    "     'required': ['foo'],\n"
    "     'type': 'object'}\n\n"
    "On instance:\n"
    "    {'bar': 'baz'}"
)


@pytest.fixture
def definition() -> dict[str, Any]:
    """The seed's example; it waits shorter here."""
    found: dict[str, Any] = json.loads((ROOT / "example-definition.json").read_text())
    shorter = copy.deepcopy(found)
    next(step for step in shorter["steps"] if step["type"] == "wait")["seconds"] = WAIT_SECONDS
    return shorter


def test_the_seeds_six_steps(deployed: Deployed, definition: dict[str, Any]) -> None:
    created = deployed.call("POST", f"{TENANT}/definitions", definition)
    assert (created.status, created.body) == (201, {"id": "example-definition", "tenantId": "123"})

    listed = deployed.call("GET", f"{TENANT}/definitions")
    assert (listed.status, listed.body) == (200, [{"id": "example-definition", "tenantId": "123"}])

    execute = f"{TENANT}/definitions/example-definition/execute"
    refused = deployed.call("POST", execute, {"input": {"bar": "baz"}})
    assert refused.status == 400
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert {name: refused.body[name] for name in ("detail", "status", "title", "type")} == {
        "detail": INVALID_INPUT_DETAIL,
        "status": 400,
        "title": "input does not pass inputSchema validation",
        "type": None,
    }

    started = deployed.call("POST", execute, {"input": {"foo": "bar"}})
    assert started.status == 202
    execution_id = started.body.pop("id")
    assert re.fullmatch(r"123:example-definition:[0-9a-f]{8,}", execution_id)
    assert started.body == {"state": "ExecutionSubmitted", "tenantId": "123"}

    def the_execution() -> dict[str, Any]:
        executions = deployed.call("GET", f"{TENANT}/executions").body
        assert [one["id"] for one in executions] == [execution_id]
        one: dict[str, Any] = executions[0]
        return one

    waiting = {"id": execution_id, "state": "StepStarted", "step": "wait-some-time", "tenantId": "123"}
    assert the_execution() == waiting
    ended = {**waiting, "state": "ExecutionSucceeded", "step": "last-echo"}
    # The list is read from an index, which may miss a row for a moment while its execution is written.
    eventually(lambda: deployed.call("GET", f"{TENANT}/executions").body == [ended], 60)

    history_is_whole(deployed, execution_id)


def history_is_whole(deployed: Deployed, execution_id: str) -> None:
    """By raw id and by encoded one; numbered without gaps; the wait was waited."""
    raw = deployed.call("GET", f"{TENANT}/executions/{execution_id}/history")
    encoded = deployed.call("GET", f"{TENANT}/executions/{quote(execution_id, safe='')}/history")
    assert raw.status == 200
    assert raw.body == encoded.body
    assert [event["seq"] for event in raw.body] == list(range(1, len(raw.body) + 1))
    assert raw.body[0]["type"] == "ExecutionSubmitted"
    assert raw.body[-1]["type"] == "ExecutionSucceeded"
    visited = [event["step"] for event in raw.body if event["type"] == "StepStarted"]
    assert visited == ["initial-echo", "wait-some-time", "last-echo"]


def test_health_and_an_unknown_definition(deployed: Deployed) -> None:
    health = deployed.call("GET", "/health")
    assert (health.status, health.body) == (200, {"status": "ok"})
    assert deployed.call("GET", f"{TENANT}/definitions/nobody").status == 404


def test_the_queues_and_the_clock_call_their_functions(deployed: Deployed) -> None:
    mappings = deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    sources = {mapping["EventSourceArn"].rsplit(":", 1)[-1] for mapping in mappings}
    assert sources == {"sedo_execution-processor-queue", "sedo_timeout-queue", "sedo_dead-letter-queue"}
    rules = deployed.client("events").list_rules()["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules] == ["rate(1 minute)"]


def test_a_persons_task_through_the_gateway(deployed: Deployed) -> None:
    """Tokens hold ':' and '.', raw and encoded; two people have two names; no worker of ours takes part."""
    schema = {"type": "object", "required": ["approved"]}
    steps = [
        {"id": "approve", "type": "human", "roles": ["manager"], "inputSchema": schema, "next": "wait"},
        {"id": "wait", "type": "wait", "seconds": 1, "end": True},
    ]
    tenant = "/sedo/tenants/people"
    assert deployed.call("POST", f"{tenant}/definitions", {"id": "approval", "steps": steps}).status == 201
    execution_id = deployed.call("POST", f"{tenant}/definitions/approval/execute", {"input": 1}).body["id"]
    (task,) = eventually(lambda: deployed.call("GET", f"{tenant}/tasks?role=manager").body, 30)
    raw, encoded = f"{tenant}/tasks/{task['token']}", f"{tenant}/tasks/{quote(task['token'], safe='')}"
    assert deployed.call("GET", raw).body == deployed.call("GET", encoded).body
    assert deployed.call("POST", f"{encoded}/claim", **{"X-Sedo-Actor": "jo"}).status == 204
    assert deployed.call("POST", f"{raw}/claim", **{"X-Sedo-Actor": "al"}).status == 409
    assert deployed.call("POST", f"{raw}/complete", {}, **{"X-Sedo-Actor": "jo"}).status == 400
    answer = {"approved": True}
    for path in (raw, encoded):
        assert deployed.call("POST", f"{path}/complete", answer, **{"X-Sedo-Actor": "jo"}).status == 204

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = deployed.call("GET", f"{tenant}/executions/{execution_id}").body
        return found if "endedAt" in found else None

    assert eventually(ended, 60)["output"] == answer
    assert deployed.call("POST", f"{raw}/complete", {"approved": False}).status == 409
    assert deployed.call("GET", raw).status == 410


def test_a_task_that_is_claimed_and_not_answered_times_out(deployed: Deployed) -> None:
    """Its execution goes on by the way that it has for that, and whoever answers then is told that it is too late."""
    tenant = "/sedo/tenants/nobody"
    late = {"catch": [{"errors": ["Task.Timeout"], "next": "remind"}]}
    steps = [
        {"id": "approve", "type": "human", "timeoutSeconds": 5, **late, "end": True},
        {"id": "remind", "type": "fail", "error": "Approval.TooLate", "cause": "nobody answered"},
    ]
    assert deployed.call("POST", f"{tenant}/definitions", {"id": "approval", "steps": steps}).status == 201
    execution_id = deployed.call("POST", f"{tenant}/definitions/approval/execute", {"input": 1}).body["id"]
    (task,) = eventually(lambda: deployed.call("GET", f"{tenant}/tasks").body, 30)
    assert task["executionId"] == execution_id
    path, jo = f"{tenant}/tasks/{task['token']}", {"X-Sedo-Actor": "jo"}
    assert deployed.call("POST", f"{path}/claim", **jo).status == 204
    failed = {"id": execution_id, "state": "ExecutionFailed", "step": "remind", "tenantId": "nobody"}
    assert eventually(lambda: failed in deployed.call("GET", f"{tenant}/executions").body, 60)
    answer = deployed.call("POST", f"{path}/complete", {"approved": True}, **jo)
    assert (answer.status, answer.headers["content-type"]) == (410, "application/problem+json")
    assert eventually(lambda: deployed.call("GET", f"{tenant}/tasks").body == [], 30)
    history = deployed.call("GET", f"{tenant}/executions/{execution_id}/history").body
    course = [event["type"] for event in history if event.get("step") == "approve"]
    assert course == ["StepStarted", "TaskOpened", "TaskClaimed", "StepTimedOut"]
    assert deployed.call("GET", f"{tenant}/executions/{execution_id}").body["error"]["name"] == "Approval.TooLate"

"""Tasks, signals, redrives and children over HTTP on both emulators, with real server, worker, tables and queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.served import Api, Reply, serving, wait_until

JO, AL = {"X-Sedo-Actor": "jo"}, {"X-Sedo-Actor": "al"}
SCHEMA = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}
YES = {"approved": True}
APPROVAL = {
    "id": "approval",
    "steps": [
        {
            "id": "approve",
            "type": "human",
            "title": "Approve ${ input.amount }",
            "roles": ["manager"],
            "inputSchema": SCHEMA,
            "timeoutSeconds": 6,
            "catch": [{"errors": ["Task.Timeout"], "next": "late"}],
            "end": True,
        },
        {"id": "late", "type": "fail", "error": "Order.TooLate"},
    ],
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


def begin(api: Api, definition_id: str, input: Any = None) -> str:
    found = api.post(f"definitions/{definition_id}/execute", {"input": input})
    assert found.status == 202, found.text
    return str(found.json["id"])


def the_task(api: Api) -> Any:
    (task,) = wait_until(lambda: api.get("tasks?role=manager").json, lambda found: len(found) == 1, 10)
    return task


def statuses(*replies: Reply) -> list[int]:
    return [reply.status for reply in replies]


def test_a_task_is_listed_claimed_answered_once_and_then_too_late(api: Api) -> None:
    definition = APPROVAL | {"steps": [APPROVAL["steps"][0] | {"timeoutSeconds": 600}, APPROVAL["steps"][1]]}  # type: ignore[operator]
    api.post("definitions", definition)
    execution_id = begin(api, "approval", {"amount": 12.5})
    task = the_task(api)
    assert (task["executionId"], task["title"], task["step"]) == (execution_id, "Approve 12.5", "approve")
    raw, encoded = f"tasks/{task['token']}", f"tasks/{quote(task['token'], safe='').replace('.', '%2E')}"
    detail = api.get(raw)
    assert detail.json == api.get(encoded).json
    assert (detail.json["inputSchema"], detail.json["input"]) == (SCHEMA, {"amount": 12.5})

    assert statuses(api.post(f"{raw}/claim", **JO), api.post(f"{encoded}/claim", **AL)) == [204, 409]
    assert the_task(api)["claimedBy"] == "jo"
    assert statuses(api.post(f"{raw}/complete", YES, **AL), api.post(f"{raw}/heartbeat")) == [409, 204]
    refused = api.post(f"{raw}/complete", {}, **JO)
    assert (refused.status, refused.json["title"]) == (400, "input does not pass inputSchema validation")

    first, again = api.post(f"{raw}/complete", YES, **JO), api.post(f"{encoded}/complete", YES, **JO)
    other = api.post(f"{raw}/complete", {"approved": False}, **JO)
    assert statuses(first, again, other, api.get(raw)) == [204, 204, 409, 410]
    assert api.wait_for_end(execution_id)["output"] == YES
    wait_until(lambda: api.get("tasks").json, lambda found: found == [], 10)
    kinds = [event["type"] for event in api.get(f"executions/{execution_id}/history").json]
    assert [kind for kind in kinds if kind.startswith("Task")] == ["TaskOpened", "TaskClaimed", "TaskAnswered"]
    forged = task["token"][:-20] + "0" * 20
    assert statuses(api.get(f"tasks/{forged}"), api.post(f"tasks/{forged}/complete", YES)) == [404, 404]


def test_a_task_that_nobody_answers_times_out(api: Api) -> None:
    api.post("definitions", APPROVAL)
    execution_id = begin(api, "approval", {"amount": 1})
    token = the_task(api)["token"]
    assert api.wait_for_end(execution_id)["error"]["name"] == "Order.TooLate"
    assert api.post(f"tasks/{token}/complete", YES).status == 410
    wait_until(lambda: api.get("tasks").json, lambda found: found == [], 10)


def test_a_task_of_a_cancelled_execution_is_gone(api: Api) -> None:
    api.post("definitions", APPROVAL)
    execution_id = begin(api, "approval", {"amount": 1})
    token = the_task(api)["token"]
    assert api.post(f"executions/{execution_id}/cancel").status == 202
    assert api.post(f"tasks/{token}/complete", YES).status == 410


def test_a_child_gets_a_signal_and_its_parent_goes_on(api: Api) -> None:
    api.post("definitions", {"id": "inner", "steps": [{"id": "await", "type": "signal", "name": "paid", "end": True}]})
    steps = [{"id": "run", "type": "execute", "definition": "inner", "end": True}]
    api.post("definitions", {"id": "outer", "steps": steps})
    execution_id = begin(api, "outer")
    (child,) = wait_until(lambda: api.get(f"executions/{execution_id}/children").json, bool, 10)
    assert api.get(f"executions/{execution_id}").json["children"] == [child["id"]]
    assert api.get(f"executions/{quote(child['id'], safe='')}").json["parent"] == {"id": execution_id}
    assert [found["id"] for found in api.get("executions").json] == [execution_id]
    key = {"Idempotency-Key": "payment-1"}
    path = f"executions/{child['id']}/signals/paid"
    assert statuses(api.post(path, {"amount": 7}, **key), api.post(path, {"amount": 7}, **key)) == [204, 204]
    assert api.wait_for_end(execution_id)["output"] == {"amount": 7}
    assert api.post(path, {"amount": 8}).status == 409


def test_a_redrive_on_the_latest_version(api: Api) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "first", "type": "echo", "message": "once", "next": "check"},
        {"id": "check", "type": "pass", "output": {"is": "${ sum(input) }"}, "end": True},
    ]
    api.post("definitions", {"id": "sums", "steps": steps})
    execution_id = begin(api, "sums", "no list")
    assert api.wait_for_end(execution_id)["state"] == "ExecutionFailed"
    path = f"executions/{execution_id}/redrive"
    api.post("definitions", {"id": "sums", "steps": [steps[0], steps[1] | {"output": {"is": "${ input }"}}]})
    assert api.post(path, {"version": 7}).status == 404
    assert api.post(path, {"version": "latest"}, **JO).status == 202
    shown = api.wait_for_end(execution_id)
    assert (shown["output"], shown["version"], shown["life"]) == ({"is": "no list"}, 2, 2)
    assert "it has succeeded" in api.post(path).json["detail"]

"""Schedules and versions through the API: what is posted, what is shown, what is said when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import versions
from chalicelib.api import checks, contract
from chalicelib.ticks import tick
from tests.unit.api.local import EXAMPLE, LocalApi, Reply

SCHEDULE = [
    {"cron": "0 6 * * 1-5", "timezone": "Europe/Vienna", "input": {"foo": "bar"}},
    {"every": "15m", "input": {"foo": "baz"}},
]


@pytest.fixture
def api() -> LocalApi:
    return LocalApi()


def as_in_contract(reply: Reply, path: str) -> Any:
    """The body, checked against the schema of its route."""
    assert reply.status == 200, reply.text
    root = contract.document()
    operation = root["paths"]["/sedo/tenants/{tenantId}/definitions/{definitionId}" + path]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert checks.problems(checks.validator(schema, root), reply.json) == []
    return reply.json


def test_schedules_show_when_they_come_next(api: LocalApi) -> None:
    assert api.post("definitions", EXAMPLE | {"schedule": SCHEDULE}).status == 201
    shown = as_in_contract(api.get("definitions/example-definition/schedule"), "/schedule")
    assert shown == [
        {"cron": "0 6 * * 1-5", "index": 0, "nextAt": "2026-11-03T05:00:00.000Z", "timezone": "Europe/Vienna"},
        {"every": "15m", "index": 1, "nextAt": "2026-11-02T09:30:00.000Z"},
    ]
    posted = api.get("definitions/example-definition").json["definition"]
    assert posted["schedule"] == SCHEDULE
    api.now_ms += 15 * 60_000
    assert tick(api.runtime) == 1


def test_without_schedules_the_list_is_empty_and_without_a_definition_it_is_a_404(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE)
    assert as_in_contract(api.get("definitions/example-definition/schedule"), "/schedule") == []
    assert api.get("definitions/another/schedule").status == 404
    api.post("definitions", EXAMPLE | {"schedule": SCHEDULE})
    assert len(api.get("definitions/example-definition/schedule").json) == 2
    api.send("DELETE", "definitions/example-definition")
    assert api.get("definitions/example-definition/schedule").status == 404


def test_problems_of_a_schedule_have_path_and_place(api: LocalApi) -> None:
    text = """id: d
inputSchema: { type: object, required: [day] }
steps: [{ id: a, type: pass, end: true }]
schedule:
  - cron: 0 25 * * *
    timezone: Europe/Viena
    input: { day: 1 }
  - every: 30s
"""
    reply = api.post("definitions", text, "application/yaml")
    assert reply.status == 400
    found = {problem["path"]: problem for problem in reply.json["errors"]}
    assert set(found) == {"/schedule/0/cron", "/schedule/0/timezone", "/schedule/1/every", "/schedule/1/input"}
    assert found["/schedule/0/timezone"] == {
        "path": "/schedule/0/timezone",
        "message": "unknown time zone 'Europe/Viena', did you mean 'Europe/Vienna'?",
        "found": "Europe/Viena",
        "expected": "a name of the IANA database, like Europe/Vienna",
        "line": 6,
        "column": 15,
    }
    assert found["/schedule/0/cron"]["message"] == "not a cron expression: bad hour"
    assert api.store.writes == 0


def test_a_diff_says_what_changed_and_who_still_runs(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE)
    for _ in range(3):
        api.start()
    api.send("POST", f"executions/{api.start()}/cancel")
    steps: Any = EXAMPLE["steps"]
    first, _, last = steps
    changed = EXAMPLE | {
        "steps": [first | {"next": "last-echo"}, last],
        "inputSchema": {"type": "object", "properties": {"foo": {"type": "integer"}}},
    }
    api.post("definitions", changed)
    assert api.post("definitions/example-definition/execute", {"input": {"foo": 5}}).status == 202
    found = as_in_contract(api.get("definitions/example-definition/diff"), "/diff")
    assert (found["from"], found["to"]) == (1, 2)
    assert [step["id"] for step in found["steps"]["removed"]] == ["wait-some-time"]
    assert found["steps"]["added"] == []
    assert found["steps"]["changed"][0]["changes"] == [
        {"path": "/next", "before": "wait-some-time", "after": "last-echo"}
    ]
    assert [note["about"] for note in found["redrive"]] == ["step", "inputSchema"]
    assert found["running"] == {"atLostSteps": 3, "executions": 3, "inputRejected": 3, "lookedAt": 3, "more": False}
    back = as_in_contract(api.get("definitions/example-definition/diff?from=2&to=1"), "/diff")
    assert [step["id"] for step in back["steps"]["added"]] == ["wait-some-time"]
    assert back["running"]["executions"] == 0
    same = as_in_contract(api.get("definitions/example-definition/diff?from=2"), "/diff")
    assert same["definition"] == same["redrive"] == []


def test_versions_that_are_not_there_are_404s_and_deleted_definitions_can_be_compared(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE)
    assert api.get("definitions/example-definition/diff").json["detail"] == (
        "definition example-definition has no version before 1"
    )
    assert api.get("definitions/example-definition/diff?from=7").status == 404
    assert api.get("definitions/example-definition/diff?to=7").status == 404
    assert api.get("definitions/another/diff").status == 404
    assert api.get("definitions/example-definition/diff?from=0").status == 400
    api.post("definitions", EXAMPLE)
    api.send("DELETE", "definitions/example-definition")
    assert api.get("definitions/example-definition/diff").status == 404
    assert api.get("definitions/example-definition/diff?to=2").status == 200


def test_no_more_than_about_a_thousand_executions_are_looked_at(api: LocalApi) -> None:
    api.post("definitions", EXAMPLE)
    for _ in range(versions.MAX_LOOKED_AT + 1):
        api.start()
    api.post("definitions", EXAMPLE)
    found = api.get("definitions/example-definition/diff").json["running"]
    assert found["more"] is True
    assert found["executions"] == found["lookedAt"] == versions.MAX_LOOKED_AT

"""Every step type through the running system, on both emulators; functions run on MiniStack alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.desk import Desk
from tests.every_step import begin, end_of, eventually, go_through, surroundings, whole
from tests.integration.served import Api, serving

SLEEPER = {"id": "sleeper", "steps": [{"id": "sleep", "type": "wait", "seconds": 3600, "end": True}]}
TREE: dict[str, Any] = {
    "id": "tree",
    "steps": [
        {
            "id": "fan",
            "type": "parallel",
            "branches": [
                {"steps": [{"id": "run", "type": "execute", "definition": "sleeper", "end": True}]},
                {
                    "steps": [
                        {"id": "each", "type": "map", "items": "${ input }", "end": True}
                        | {"steps": [{"id": "item", "type": "execute", "definition": "sleeper", "end": True}]}
                    ]
                },
            ],
            "end": True,
        }
    ],
}


@pytest.fixture(scope="module", params=["ministack", "localstack"])
def emulator(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param, request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="module")
def service(emulator: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(emulator[1], tmp_path_factory.mktemp(emulator[0])) as api:
        yield api


class Tenant:
    """One tenant of a service, as a client."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        reply = self.api.send(method, path, body)
        return reply.status, reply.json if reply.text else None


def test_every_step_type_does_what_it_says(emulator: tuple[str, str], service: Api) -> None:
    with Desk() as desk:
        go_through(Tenant(service), surroundings(emulator[1], desk, functions=emulator[0] == "ministack"))


def all_below(ask: Tenant, execution_id: str) -> list[Any]:
    """Return all children of an execution, and theirs."""
    children = ask("GET", f"executions/{execution_id}/children?limit=500")[1]
    return [*children, *(below for child in children for below in all_below(ask, child["id"]))]


def test_a_cancel_ends_the_whole_tree(service: Api) -> None:
    ask = Tenant(service.for_tenant(f"{service.tenant_id}-tree"))
    for document in (SLEEPER, TREE):
        assert ask("POST", "definitions", document)[0] == 201
    execution_id = begin(ask, list(range(45)), "tree")
    wanted = 1 + 2 + 45  # a child, two parts of the map, and a child for each of their items
    eventually(lambda: len([one for one in all_below(ask, execution_id) if one["state"] == "StepStarted"]) == wanted)
    assert ask("POST", f"executions/{execution_id}/cancel", {"cause": "enough"})[0] == 202
    ended = end_of(ask, execution_id)
    assert (ended["state"], ended["error"]["cause"]) == ("ExecutionCancelled", "enough")
    all_cancelled = ["ExecutionCancelled"] * wanted
    eventually(lambda: [one["state"] for one in all_below(ask, execution_id)] == all_cancelled, 20)
    for child in ask("GET", f"executions/{execution_id}/children")[1]:
        asked = [one for one in whole(ask, child["id"]) if one["type"] == "CancelRequested"]
        assert [one["at"] <= ended["endedAt"] for one in asked] == [True], "it was told before its parent's end"
    for one in all_below(ask, execution_id):
        assert whole(ask, one["id"])[-1]["type"] == "ExecutionCancelled"


def test_a_redrive_goes_on_below_a_fan_out_and_repeats_nothing(service: Api) -> None:
    ask = Tenant(service.for_tenant(f"{service.tenant_id}-again"))
    with Desk() as desk:
        call = {"type": "http", "method": "POST", "url": desk.url, "body": {"number": 4}}
        broken = {"id": "sum", "type": "pass", "output": "${ sum(input) }", "end": True}
        steps = [
            {"id": "both", "type": "parallel", "end": True}
            | {
                "branches": [
                    {"steps": [{"id": "ask", **call, "output": "${ output.body.doubled }", "end": True}]},
                    {"steps": [{"id": "moment", "type": "wait", "seconds": 2, "next": "sum"}, broken]},
                ]
            }
        ]
        assert ask("POST", "definitions", {"id": "again", "steps": steps})[0] == 201
        execution_id = begin(ask, "no list", "again")
        assert end_of(ask, execution_id)["state"] == "ExecutionFailed"
        broken["output"] = "mended"
        assert ask("POST", "definitions", {"id": "again", "steps": steps})[0] == 201
        assert ask("POST", f"executions/{execution_id}/redrive", {"version": "latest"})[0] == 202
        ended = end_of(ask, execution_id)
        assert (ended["output"], ended["life"]) == ([8, "mended"], 2)
        assert desk.calls == 1
        started = [one["step"] for one in whole(ask, execution_id) if one["type"] == "StepStarted"]
        assert started.count("moment") == 1

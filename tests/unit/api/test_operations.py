"""Signals, redrives and children over the API.

- a signal that was taken is neither lost nor counted twice; one that cannot be taken is a 409
- an execution that did not succeed goes on from where it stood, once, on a version that still has that step
- children are found from their parent, in the order of their starts, and their parent from them
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import service
from chalicelib.engine.effects import TaskResult
from tests.unit.api.living import JO, LivingApi, done, fits, refused
from tests.unit.protocol.world import TENANT, call, definition, step, wait

SIGNAL = {"id": "await", "type": "signal", "name": "paid"}


def signalled(**fields: Any) -> LivingApi:
    return LivingApi(definition(SIGNAL, step("last"), **fields))


@pytest.mark.parametrize("payload", [{"amount": 12.5}, [1], "null", '"text"', 0, False])
def test_a_signal_is_what_its_step_waits_for(payload: Any) -> None:
    api = signalled()
    execution_id = api.begin()
    done(api.post(f"executions/{execution_id}/signals/paid", payload, **JO))
    shown = api.shown(execution_id)
    assert shown["output"] == (None if payload == "null" else "text" if payload == '"text"' else payload)
    (received,) = api.happened(execution_id, "SignalReceived")
    assert (received["name"], received["payload"], received["actor"]) == ("paid", shown["output"], "jo")


def test_a_signal_without_a_body_has_null_for_its_payload() -> None:
    api = signalled()
    execution_id = api.begin()
    done(api.post(f"executions/{execution_id.replace(':', '%3A')}/signals/paid"))
    assert api.shown(execution_id)["output"] is None


def test_a_signal_may_come_early_and_counts_once_by_its_key() -> None:
    api = LivingApi(definition(wait("w", 5), SIGNAL, SIGNAL | {"id": "again"}))
    execution_id = api.begin()
    path = f"executions/{execution_id}/signals/paid"
    key = {"Idempotency-Key": "payment-1"}
    done(api.post(path, 1, **key))
    done(api.post(path, 1, **key))
    done(api.post(f"executions/{execution_id}/signals/other", 9))
    api.world.run(6)
    assert api.shown(execution_id)["step"] == "again"
    done(api.post(path, 1, **key))
    assert api.shown(execution_id)["state"] == "StepStarted"
    done(api.post(path, 2, **{"Idempotency-Key": "payment-2"}))
    assert api.shown(execution_id)["output"] == 2
    done(api.post(path, 2, **{"Idempotency-Key": "payment-2"}))
    assert "has ended: ExecutionSucceeded" in refused(api.post(path, 3), 409)


def test_wrong_signals() -> None:
    api = signalled()
    execution_id = api.begin()
    path = f"executions/{execution_id}/signals"
    assert "/path/name" in refused(api.post(f"{path}/no%20name"), 400)
    assert "/header/Idempotency-Key" in refused(api.post(f"{path}/paid", **{"Idempotency-Key": "two words"}), 400)
    assert "not valid JSON" in refused(api.post(f"{path}/paid", "{"), 400)
    refused(api.post("executions/123:d:nobody/signals/paid"), 404)
    refused(api.post(f"/sedo/tenants/124/executions/{execution_id}/signals/paid"), 404)
    assert api.happened(execution_id, "SignalReceived") == []


def test_a_mailbox_holds_so_many_signals() -> None:
    api = LivingApi(definition(wait("w", 5), step("last")))
    execution_id = api.begin()
    path = f"executions/{execution_id}/signals/paid"
    for number in range(32):
        done(api.post(path, number, **{"Idempotency-Key": f"k{number}"}))
    before = api.world.head(execution_id)
    assert "32 signals wait already" in refused(api.post(path, 32, **{"Idempotency-Key": "k32"}), 409)
    assert api.world.head(execution_id) == before


def test_a_mailbox_holds_so_many_bytes() -> None:
    api = LivingApi(definition(wait("w", 5), step("last")))
    execution_id = api.begin()
    path = f"executions/{execution_id}/signals/paid"
    done(api.post(path, '"' + "x" * 60_000 + '"'))
    done(api.post(path, '"' + "y" * 60_000 + '"'))
    assert "131,072 bytes" in refused(api.post(path, '"' + "z" * 60_000 + '"'), 409)
    done(api.post(path, 1))


def test_a_signal_to_an_execution_whose_time_is_over_is_not_taken() -> None:
    api = signalled(timeoutSeconds=60)
    execution_id = api.begin()
    api.world.advance(61)
    assert "has ended: ExecutionTimedOut" in refused(api.post(f"executions/{execution_id}/signals/paid", 1), 409)
    assert api.happened(execution_id, "SignalReceived") == []


def nested() -> LivingApi:
    """A definition that executes another one, which waits for a signal."""
    return LivingApi(
        definition(SIGNAL, id="inner"),
        definition({"id": "run", "type": "execute", "definition": "inner"}, step("last")),
    )


def test_a_signal_to_an_execution_that_only_tells_its_children_to_end_is_not_taken() -> None:
    api = nested()
    execution_id = api.begin()
    service.cancel_execution(api.world.runtime, TENANT, execution_id, None, actor="tests")
    head = api.world.head(execution_id)
    path = f"executions/{execution_id}/signals/paid"
    assert "has ended: ExecutionCancelled" in refused(api.post(path, 1), 409)
    assert api.world.head(execution_id) == head


def test_children_and_their_parent_know_each_other() -> None:
    api = nested()
    execution_id = api.begin()
    (child,) = api.shown(execution_id)["children"]
    shown = api.shown(child)
    assert shown["parent"] == {"id": execution_id}
    assert "children" not in shown
    item = {"id": child, "state": "StepStarted", "step": "await", "tenantId": TENANT}
    assert api.get(f"executions/{execution_id}/children").json == [item]
    assert [found["id"] for found in api.get("executions").json] == [execution_id]
    done(api.post(f"executions/{child}/signals/paid", 7))
    api.world.drain()
    ended = api.shown(execution_id)
    assert (ended["output"], ended["children"]) == (7, [child])
    assert api.get(f"executions/{child}/history").json[-1]["type"] == "ExecutionSucceeded"
    (told,) = api.happened(execution_id, "ChildEnded")
    assert (told["executionId"], told["state"]) == (child, "ExecutionSucceeded")
    assert api.get(f"executions/{child}/children").json == []
    refused(api.get("executions/123:d:nobody/children"), 404)


def test_a_child_nobody_waits_for_is_an_execution_like_others() -> None:
    api = LivingApi(
        definition(SIGNAL, id="inner"),
        definition({"id": "run", "type": "execute", "definition": "inner", "wait": False}),
    )
    execution_id = api.begin()
    shown = api.shown(execution_id)
    assert shown["children"] == [shown["output"]]
    assert [child["id"] for child in api.get(f"executions/{execution_id}/children").json] == [shown["output"]]
    assert "parent" not in api.shown(shown["output"])
    assert {found["id"] for found in api.get("executions").json} == {execution_id, shown["output"]}


def test_the_parts_of_a_large_map_are_its_children_in_pages() -> None:
    each = [{"id": "each", "type": "pass", "output": "${ index }", "end": True}]
    api = LivingApi(definition({"id": "all", "type": "map", "items": "${ input }", "steps": each}))
    execution_id = api.begin(input=list(range(200)))
    assert api.shown(execution_id)["output"] == list(range(200))
    pages = api.pages(f"executions/{execution_id}/children?limit=2")
    assert [len(page) for page in pages] == [2, 2, 1]
    ids = [child["id"] for page in pages for child in page]
    assert ids == [f"{execution_id}.1.{number}" for number in range(5)] == api.shown(execution_id)["children"]
    assert api.shown(ids[2])["parent"] == {"id": execution_id, "step": "all", "start": 80}
    refused(api.get(f"executions/{execution_id}/children?cursor=x"), 400)


def failing(api: LivingApi, *errors: str | None) -> None:
    left = list(errors)
    fine = api.world.outside.answer

    def answer(task: Any) -> TaskResult:
        error = left.pop(0) if left else None
        return fine(task) if error is None else TaskResult(error=error, cause="of the test")

    api.world.outside.answer = answer


def test_a_redrive_goes_on_from_what_failed() -> None:
    api = LivingApi(definition(step("first"), call("charge"), step("last")))
    failing(api, "Http.500")
    execution_id = api.begin()
    assert api.shown(execution_id)["state"] == "ExecutionFailed"
    reply = api.post(f"executions/{execution_id}/redrive", **JO)
    assert fits(reply, "ExecutionRef") == {"id": execution_id, "state": "StepStarted", "tenantId": TENANT}
    assert reply.status == 202
    api.world.drain()
    shown = api.shown(execution_id)
    assert (shown["state"], shown["life"], shown["version"]) == ("ExecutionSucceeded", 2, 1)
    (redriven,) = api.happened(execution_id, "ExecutionRedriven")
    assert (redriven["actor"], redriven["version"], redriven["life"]) == ("jo", 1, 2)
    visited = [event["step"] for event in api.happened(execution_id, "StepStarted")]
    assert visited == ["first", "charge", "charge", "last"]


def test_a_redrive_on_another_version() -> None:
    api = LivingApi(definition(call("charge"), step("last")))
    failing(api, "Http.500", "Http.500", "Http.500", None)
    execution_id = api.begin()
    path = f"executions/{execution_id}/redrive"
    for message in ("second", "third"):
        api.post("definitions", definition(call("charge"), step("last", "echo", message=message)))
    for version, expected in ((None, 1), (2, 2), ("latest", 3)):
        reply = api.post(path, None if version is None else {"version": version})
        assert reply.status == 202, reply.text
        api.world.drain()
        assert api.shown(execution_id)["version"] == expected
    assert api.shown(execution_id)["state"] == "ExecutionSucceeded"
    assert "it has succeeded" in refused(api.post(path), 409)


def test_what_cannot_be_redriven() -> None:
    api = LivingApi(definition(call("charge"), SIGNAL))
    failing(api, "Http.500")
    execution_id = api.begin()
    path = f"executions/{execution_id}/redrive"
    api.post("definitions", definition(call("bill"), SIGNAL))
    before = api.world.head(execution_id)
    assert "has no step 'charge'" in refused(api.post(path, {"version": "latest"}), 409)
    assert "version 9 of definition d is unknown" in refused(api.post(path, {"version": 9}), 404)
    wrongs: list[Any] = [*({"version": version} for version in (0, "newest", True, None, 1.5)), {"extra": 1}, []]
    for wrong in wrongs:
        refused(api.post(path, wrong), 400)
    assert api.world.head(execution_id) == before
    assert api.post(path).status == 202
    assert "it has not ended: StepStarted" in refused(api.post(path), 409)
    refused(api.post("executions/123:d:nobody/redrive"), 404)


def test_a_deleted_definition_has_no_latest_version_but_the_one_it_ran_on() -> None:
    api = LivingApi(definition(call("charge")))
    failing(api, "Http.500")
    execution_id = api.begin()
    assert api.send("DELETE", "definitions/d").status == 204
    refused(api.post(f"executions/{execution_id}/redrive", {"version": "latest"}), 404)
    assert api.post(f"executions/{execution_id}/redrive").status == 202


def test_a_child_is_redriven_with_its_parent() -> None:
    api = LivingApi(
        definition(call("charge"), id="inner"), definition({"id": "run", "type": "execute", "definition": "inner"})
    )
    failing(api, "Http.500")
    execution_id = api.begin()
    (child,) = api.shown(execution_id)["children"]
    detail = refused(api.post(f"executions/{child}/redrive"), 409)
    assert detail.endswith(f"it is a child, redrive its parent {execution_id} instead")
    assert api.post(f"executions/{execution_id}/redrive").status == 202
    api.world.drain()
    assert api.shown(execution_id)["state"] == "ExecutionSucceeded"
    assert (api.shown(child)["state"], api.shown(child)["life"]) == ("ExecutionSucceeded", 2)

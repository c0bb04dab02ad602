"""Tasks over the API.

- an open task of a person is listed, once, with a token that only its execution can make
- one answer counts: the same again is fine, another is 409, too late is 410, and what is refused changes nothing
- what one person has claimed, nobody else answers
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.api.living import AL, JO, LivingApi, done, fits, refused
from tests.unit.protocol.world import definition, step

SCHEMA = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}
YES = {"approved": True}
REFUSED = (
    "'approved' is a required property\n\nFailed validating 'required' in schema:\n"
    "    {'properties': {'approved': {'type': 'boolean'}},\n     'required': ['approved'],\n     'type': 'object'}\n\n"
    "On instance:\n    {}"
)


def human(id: str = "approve", **fields: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "human",
        "title": "Approve ${ input.amount }",
        "roles": ["manager"],
        "inputSchema": SCHEMA,
        **fields,
    }


def callback(**fields: Any) -> dict[str, Any]:
    via = {"http": {"url": "http://outside.example/", "method": "POST", "body": {"token": "${ task.token }"}}}
    return {"id": "ask", "type": "callback", "via": via, **fields}


def api_of(*steps: dict[str, Any], **fields: Any) -> LivingApi:
    return LivingApi(definition(*steps, step("last"), **fields))


def test_an_open_task_is_listed_and_shown_with_all_that_answering_it_needs() -> None:
    ui = {"approved": {"ui:widget": "radio"}}
    api = api_of(human(description="Of ${ input.who }", uiSchema=ui, timeoutSeconds=3600))
    execution_id = api.begin(input={"amount": 12.5, "who": "jo"})
    reply = api.get("tasks")
    ((item,),) = api.pages("tasks")
    assert item == {
        "dueAt": "2023-11-14T23:13:20.000Z",
        "executionId": execution_id,
        "openedAt": "2023-11-14T22:13:20.000Z",
        "step": "approve",
        "title": "Approve 12.5",
        "token": item["token"],
    }
    assert "Link" not in reply.headers
    shown = fits(api.get(f"tasks/{item['token']}"), "Task")
    assert shown == item | {
        "description": "Of jo",
        "input": {"amount": 12.5, "who": "jo"},
        "inputSchema": SCHEMA,
        "roles": ["manager"],
        "uiSchema": ui,
    }


def test_a_task_without_words_has_its_steps_name_and_no_end() -> None:
    api = api_of({"id": "look", "type": "human"})
    api.begin()
    shown = fits(api.get(f"tasks/{api.token()}"), "Task")
    assert (shown["title"], shown["roles"]) == ("look", [])
    assert not {"dueAt", "description", "inputSchema", "uiSchema", "claimedBy"} & shown.keys()


def test_a_task_is_due_at_its_executions_end_where_that_comes_first() -> None:
    api = api_of(human(timeoutSeconds=3600), timeoutSeconds=60)
    api.begin(input={"amount": 1})
    assert api.get("tasks").json[0]["dueAt"] == "2023-11-14T22:14:20.000Z"


def test_the_answer_is_the_steps_result() -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    done(api.post(f"tasks/{token}/complete", YES, **JO))
    api.world.drain()
    assert api.shown(execution_id)["output"] == YES
    assert api.get("tasks").json == []
    (answered,) = api.happened(execution_id, "TaskAnswered")
    assert (answered["actor"], answered["step"], len(answered["digest"])) == ("jo", "approve", 32)


def test_tokens_are_raw_or_encoded() -> None:
    api = api_of(human())
    api.begin(input={"amount": 1})
    token = api.token()
    assert {":", "."} < set(token)
    assert api.get(f"tasks/{quote(token, safe='')}").json == api.get(f"tasks/{token}").json
    done(api.post(f"tasks/{quote(token, safe='').replace('.', '%2E')}/complete", YES))


def test_an_answer_that_does_not_pass_is_refused_as_a_wrong_input_is() -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    before = api.world.head(execution_id)
    reply = api.post(f"tasks/{api.token()}/complete", {})
    assert (reply.status, reply.json) == (
        400,
        {"detail": REFUSED, "status": 400, "title": "input does not pass inputSchema validation", "type": None},
    )
    assert api.world.head(execution_id) == before


@pytest.mark.parametrize("value", [None, True, 0, "text", [], {"a": [{}]}])
def test_any_json_is_an_answer(value: Any) -> None:
    api = api_of({"id": "look", "type": "human"})
    execution_id = api.begin()
    done(api.post(f"tasks/{api.token()}/complete", "null" if value is None else value if value != "text" else '"text"'))
    assert api.shown(execution_id)["output"] == value


def test_the_same_answer_again_is_fine_and_another_is_a_conflict() -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    done(api.post(f"tasks/{token}/complete", YES))
    after = api.world.head(execution_id)
    done(api.post(f"tasks/{token}/complete", YES))
    assert "answered otherwise" in refused(api.post(f"tasks/{token}/complete", {"approved": False}), 409)
    assert "answered otherwise" in refused(api.post(f"tasks/{token}/fail", {"error": "No"}), 409)
    for late in ("heartbeat", "claim", "release"):
        assert "was answered" in refused(api.post(f"tasks/{token}/{late}"), 410)
    assert "was answered" in refused(api.get(f"tasks/{token}"), 410)
    assert api.world.head(execution_id) == after


def test_the_same_answer_is_fine_also_after_the_history_was_moved_out() -> None:
    api = api_of(human(), {"id": "wait", "type": "wait", "seconds": 9})
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    done(api.post(f"tasks/{token}/complete", YES))
    head = api.world.head(execution_id)
    chunk = api.world.history(execution_id)
    api.world.memory.put_chunk(head, chunk)
    moved = replace(head, version=head.version + 1, events=(), flushed_seq=head.seq, chunks=1)
    api.world.memory.commit(moved, "moved")
    done(api.post(f"tasks/{token}/complete", YES))
    refused(api.post(f"tasks/{token}/complete", {"approved": False}), 409)


def test_an_answer_after_the_timeout_is_too_late() -> None:
    api = api_of(human(timeoutSeconds=60))
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    api.world.run(61)
    assert api.shown(execution_id)["error"]["name"] == "Task.Timeout"
    assert "was not answered" in refused(api.post(f"tasks/{token}/complete", YES), 410)
    assert "was not answered" in refused(api.get(f"tasks/{token}"), 410)
    for late in ("heartbeat", "claim", "release"):
        refused(api.post(f"tasks/{token}/{late}"), 410)


@pytest.mark.parametrize(
    ("path", "body"), [("complete", YES), ("fail", {"error": "No"}), ("heartbeat", None), ("claim", None)]
)
def test_what_finds_that_the_executions_time_is_over_is_too_late(path: str, body: Any) -> None:
    """The very request may be what ends the execution: it was not taken nevertheless."""
    api = api_of(human(), timeoutSeconds=60)
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    api.world.advance(61)
    refused(api.post(f"tasks/{token}/{path}", body), 410)
    assert api.shown(execution_id)["state"] == "ExecutionTimedOut"


def test_an_answer_after_a_cancel_is_too_late() -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    api.post(f"executions/{execution_id}/cancel")
    assert "ExecutionCancelled" in refused(api.post(f"tasks/{token}/complete", YES), 410)
    assert api.get("tasks").json == []


def test_what_was_never_a_task_is_unknown() -> None:
    api = api_of(human())
    api.begin(input={"amount": 1})
    token = api.token()
    start, _, mac = token.rpartition(".")
    forged = [f"{start}.{'0' * 20}", f"{start}.{mac[:-1]}", start, "x", token.replace(".1.1.", ".2.1.")]
    for wrong in [*forged, f"123:d:gone.1.1.{mac}"]:
        assert refused(api.post(f"tasks/{wrong}/complete", YES), 404) == "the task is unknown"
        assert refused(api.get(f"tasks/{wrong}"), 404) == "the task is unknown"
    assert refused(api.get(f"/sedo/tenants/124/tasks/{token}"), 404) == "the task is unknown"
    assert api.get("/sedo/tenants/124/tasks").json == []


def test_two_people_do_not_do_one_job() -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    done(api.post(f"tasks/{token}/claim", **JO))
    done(api.post(f"tasks/{token}/claim", **JO))
    assert api.get("tasks").json[0]["claimedBy"] == "jo"
    assert fits(api.get(f"tasks/{token}"), "Task")["claimedBy"] == "jo"
    for path, body in (("claim", None), ("release", None), ("complete", YES), ("fail", {"error": "No"})):
        assert refused(api.post(f"tasks/{token}/{path}", body, **AL), 409) == "the task is claimed by jo"
    refused(api.post(f"tasks/{token}/complete", YES), 409)
    done(api.post(f"tasks/{token}/release", **JO))
    done(api.post(f"tasks/{token}/release", **AL))
    done(api.post(f"tasks/{token}/claim", **AL))
    done(api.post(f"tasks/{token}/complete", YES, **AL))
    kinds = [event["type"] for event in api.get(f"executions/{execution_id}/history").json if "Task" in event["type"]]
    assert kinds == ["TaskOpened", "TaskClaimed", "TaskReleased", "TaskClaimed", "TaskAnswered"]


@pytest.mark.parametrize("name", ["", " ", "two words", "\tx", "x" * 129, "execution 123:d:1"])
def test_an_actor_must_be_a_name(name: str) -> None:
    api = api_of(human())
    api.begin(input={"amount": 1})
    detail = refused(api.post(f"tasks/{api.token()}/claim", **{"X-Sedo-Actor": name}), 400)
    assert detail.startswith("/header/X-Sedo-Actor: expected text that matches")


def test_who_starts_and_cancels_is_in_the_history() -> None:
    api = api_of(human())
    started = api.post("definitions/d/execute", {"input": {"amount": 1}}, **JO).json["id"]
    api.post(f"executions/{started}/cancel", **AL)
    assert api.happened(started, "ExecutionSubmitted")[0]["actor"] == "jo"
    assert api.happened(started, "CancelRequested")[0]["actor"] == "al"
    assert api.happened(api.begin(input={"amount": 1}), "ExecutionSubmitted")[0]["actor"] == "anonymous"


def test_a_failed_task_fails_its_step() -> None:
    caught = [{"errors": ["Order.Refused"], "next": "last", "stash": {"why": "${ error.cause }"}}]
    api = api_of(human(catch=caught))
    execution_id = api.begin(input={"amount": 1})
    token = api.token()
    done(api.post(f"tasks/{token}/fail", {"error": "Order.Refused", "cause": "too dear"}))
    done(api.post(f"tasks/{token}/fail", {"error": "Order.Refused", "cause": "too dear"}))
    refused(api.post(f"tasks/{token}/fail", {"error": "Order.Refused"}), 409)
    assert api.shown(execution_id)["stash"] == {"why": "too dear"}
    assert api.happened(execution_id, "TaskAnswered")[0]["error"] == "Order.Refused"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("fail", {}, "field 'error' is missing"),
        ("fail", {"error": ""}, "/error"),
        ("fail", {"error": "Sedo.ProcessingFailed"}, "/error: Sedo.* and Execution.* are errors of sedo's own"),
        ("fail", {"error": "Execution.Timeout"}, "/error: Sedo.* and Execution.* are errors of sedo's own"),
        ("fail", {"error": "Execution.Cancelled"}, "/error: Sedo.* and Execution.* are errors of sedo's own"),
        ("fail", {"error": "Execution"}, "/error: Sedo.* and Execution.* are errors of sedo's own"),
        ("fail", {"error": "*"}, "/error: expected words without blanks and *, joined by dots"),
        ("fail", {"error": "bad name"}, "/error: expected words without blanks and *, joined by dots"),
        ("fail", {"error": "Order."}, "/error: expected words without blanks and *, joined by dots"),
        ("fail", {"error": "No\n"}, "/error: expected words without blanks and *, joined by dots"),
        ("fail", {"error": "No", "why": 1}, "unknown field 'why', expected cause or error"),
        ("complete", "", "the body is empty"),
        ("complete", "{", "not valid JSON"),
    ],
)
def test_wrong_bodies(path: str, body: Any, message: str) -> None:
    api = api_of(human())
    execution_id = api.begin(input={"amount": 1})
    before = api.world.head(execution_id)
    assert message in refused(api.post(f"tasks/{api.token()}/{path}", body), 400)
    assert api.world.head(execution_id) == before


def test_a_callback_is_answered_by_whoever_was_handed_its_token() -> None:
    api = api_of(callback(heartbeatSeconds=30))
    handed: list[str] = []
    outside = api.world.outside.answer

    def remember(task: Any) -> Any:
        handed.append(task.request["body"]["token"])
        return outside(task)

    api.world.outside.answer = remember
    execution_id = api.begin()
    (token,) = handed
    assert api.get("tasks").json == [], "only tasks of people are listed"
    assert fits(api.get(f"tasks/{token}"), "Task")["step"] == "ask"
    assert "not one for people" in refused(api.post(f"tasks/{token}/claim"), 409)
    for _ in range(3):
        api.world.run(20)
        done(api.post(f"tasks/{token}/heartbeat"))
    done(api.post(f"tasks/{token}/complete", {"paid": True}))
    assert api.shown(execution_id)["output"] == {"paid": True}


def test_a_callback_may_be_answered_before_the_call_that_hands_it_out_returns() -> None:
    api = api_of(callback())
    outside, statuses = api.world.outside.answer, []

    def answer_at_once(task: Any) -> Any:
        token = task.request["body"]["token"]
        fits(api.get(f"tasks/{token}"), "Task")
        statuses.append(api.post(f"tasks/{token}/complete", {"paid": True}).status)
        return outside(task)

    api.world.outside.answer = answer_at_once
    execution_id = api.begin()
    assert statuses == [204]
    assert api.shown(execution_id)["output"] == {"paid": True}


def test_no_heartbeat_fails_the_step() -> None:
    api = api_of(callback(heartbeatSeconds=30))
    execution_id = api.begin()
    api.world.run(40)
    assert api.shown(execution_id)["error"]["name"] == "Task.HeartbeatTimeout"


def test_tasks_of_a_role_in_pages_oldest_first() -> None:
    api = LivingApi(
        definition(human(), id="a"),
        definition(human(roles=["clerk", "manager"]), id="b"),
        definition({"id": "any", "type": "human"}, id="c"),
    )
    started = []
    for name in ("a", "b", "c", "a", "b", "c", "a"):
        started.append(api.begin(name, {"amount": 1}))
        api.world.advance(1)
    found = api.pages("tasks?limit=3")
    assert [len(page) for page in found] == [3, 3, 1]
    assert [task["executionId"] for page in found for task in page] == started
    clerks = [task for page in api.pages("tasks?role=clerk&limit=2") for task in page]
    assert [task["executionId"] for task in clerks] == [started[1], started[4]]
    assert [task for page in api.pages("tasks?role=nobody") for task in page] == []
    assert "/query/cursor" in refused(api.get("tasks?cursor=nonsense"), 400)


def test_the_tasks_of_one_execution_are_on_one_page() -> None:
    branches = [{"steps": [{"id": f"x{number}", "type": "human", "end": True}]} for number in range(3)]
    api = LivingApi(definition({"id": "fan", "type": "parallel", "branches": branches}))
    for _ in range(3):
        api.begin()
        api.world.advance(1)
    assert [len(page) for page in api.pages("tasks?limit=7")] == [6, 3]
    assert [len(page) for page in api.pages("tasks?limit=2")] == [3, 3, 3]
    tokens = [task["token"] for page in api.pages("tasks?limit=1") for task in page]
    assert len(tokens) == len(set(tokens)) == 9


def test_after_a_redrive_the_old_token_is_gone_and_a_new_one_is_open() -> None:
    api = api_of(human(timeoutSeconds=60))
    execution_id = api.begin(input={"amount": 1})
    old = api.token()
    api.world.run(61)
    assert api.post(f"executions/{execution_id}/redrive").status == 202
    api.world.drain()
    refused(api.post(f"tasks/{old}/complete", YES), 410)
    done(api.post(f"tasks/{api.token()}/complete", YES))
    assert api.shown(execution_id)["state"] == "ExecutionSucceeded"

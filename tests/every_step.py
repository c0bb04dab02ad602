"""Definitions in which every step type does its work, and what must come out: for any running sedo, by its HTTP API.

Everything that waits for somebody waits in a branch of its own, so that a run takes seconds.
"""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import boto3

from chalicelib.engine.steps import STEP_TYPES
from tests.desk import Desk

WITHIN_SECONDS = 90.0
ITEMS = 90
"""More than one head has room for, so that they are shared out among children."""
FUNCTION = "def handler(event, context):\n    return {'tripled': 3 * event['n']}\n"
CHILD = {"id": "halve", "steps": [{"id": "half", "type": "pass", "output": "${ input.n }.5", "end": True}]}


class Client(Protocol):
    """Asks below a tenant; gives the status and the parsed body."""

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]: ...


@dataclass(frozen=True)
class Surroundings:
    """What the steps reach outside: a server, a queue, and a function where functions can be run."""

    desk: Desk
    sqs: Any
    queue_url: str
    queue: str
    function: str | None

    def receive(self) -> Any:
        """Take one message from the queue."""
        found = self.sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=10)["Messages"][0]
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=found["ReceiptHandle"])
        return json.loads(found["Body"])


def surroundings(emulator_url: str, desk: Desk, functions: bool) -> Surroundings:
    """Make a queue and a function on an emulator."""
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    name = f"every-step-{uuid.uuid4().hex[:8]}"
    sqs = boto3.client("sqs", endpoint_url=emulator_url, **access)  # type: ignore[call-overload]
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    if functions:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("code.py", FUNCTION)
        client = boto3.client("lambda", endpoint_url=emulator_url, **access)  # type: ignore[call-overload]
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="code.handler",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": package.getvalue()},
            Timeout=20,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name)
    return Surroundings(desk, sqs, queue_url, name, name if functions else None)


def definition(around: Surroundings) -> dict[str, Any]:
    """Return one definition with all step types; without `lambda` where no function can be run."""
    triple = {"id": "triple", "type": "lambda", "function": around.function, "payload": {"n": "${ stash.n }"}}
    call = {"method": "POST", "url": around.desk.url}
    steps: list[dict[str, Any]] = [
        {"id": "note", "type": "echo", "message": "got ${ input.n }", "next": "keep"},
        {"id": "keep", "type": "pass", "stash": {"n": "${ input.n }"}, "next": "pause"},
        {"id": "pause", "type": "wait", "seconds": 0.5, "next": "size"},
        {"id": "size", "type": "choice", "choices": [{"when": "${ stash.n >= `1` }", "next": "ask"}], "default": "no"},
        {"id": "no", "type": "fail", "error": "Every.Refused", "cause": "${ stash.n } is too small"},
        {
            "id": "ask",
            "type": "http",
            **call,
            "body": {"number": "${ stash.n }"},
            "stash": {"doubled": "${ output.body.doubled }"},
            "next": "tell" if around.function is None else "triple",
        },
        triple | {"stash": {"tripled": "${ output.tripled }"}, "next": "tell"},
        {"id": "tell", "type": "queue", "queue": around.queue, "message": {"doubled": "${ stash.doubled }"}}
        | {"output": {"n": "${ stash.n }"}, "next": "together"},
        {"id": "together", "type": "parallel", "branches": branches(around, call), "next": "many"}
        | {"stash": {"together": "${ output }"}},
        {"id": "many", "type": "map", "items": "${ execution.input.items }", "toleratedFailurePercentage": 10}
        | {"steps": ITEM_STEPS, "maxConcurrency": 60, "stash": {"many": "${ output }"}, "next": "trap"},
        {"id": "trap", "type": "parallel", "branches": TRAP, "next": "no"}
        | {"catch": [{"errors": ["Every.Trapped"], "stash": {"trapped": "${ error.cause }"}, "next": "done"}]},
        {"id": "done", "type": "succeed", "output": "${ stash }"},
    ]
    if around.function is None:
        steps = [step for step in steps if step["type"] != "lambda"]
    found = {"id": "every-step", "steps": steps}
    missing = set(STEP_TYPES) - types_in(steps) - (set() if around.function else {"lambda"})
    assert not missing, f"step types that nothing here uses: {missing}"
    return found


def branches(around: Surroundings, call: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a branch for each type that waits for somebody, and one for a child."""
    token = {"token": "${ task.token }"}
    schema = {"type": "object", "required": ["approved"]}
    return [
        {"steps": [{"id": "by-http", "type": "callback", "via": {"http": {**call, "body": token}}, "end": True}]},
        {
            "steps": [
                {"id": "by-queue", "type": "callback", "via": {"queue": {"queue": around.queue, "message": token}}}
                | {"heartbeatSeconds": 60, "end": True}
            ]
        },
        {"steps": [{"id": "person", "type": "human", "roles": ["boss"], "inputSchema": schema, "end": True}]},
        {"steps": [{"id": "paid", "type": "signal", "name": "paid", "end": True}]},
        {"steps": [{"id": "child", "type": "execute", "definition": "halve", "end": True}]},
    ]


ITEM_STEPS: list[dict[str, Any]] = [
    {
        "id": "sort",
        "type": "choice",
        "choices": [{"when": "${ item == `13` }", "next": "unlucky"}],
        "default": "square",
    },
    {"id": "unlucky", "type": "fail", "error": "Every.Unlucky", "cause": "number ${ index }"},
    {"id": "square", "type": "pass", "output": ["${ index }", "${ item }"], "end": True},
]
TRAP: list[dict[str, Any]] = [
    {"steps": [{"id": "sleep", "type": "wait", "seconds": 3600, "end": True}]},
    {
        "steps": [
            {"id": "moment", "type": "wait", "seconds": 0.5, "next": "spring"},
            {"id": "spring", "type": "fail", "error": "Every.Trapped", "cause": "as it must"},
        ]
    },
]


def types_in(steps: list[dict[str, Any]]) -> set[str]:
    """Return the types of steps and of those inside them."""
    inner = [one for step in steps for branch in step.get("branches", ()) for one in branch["steps"]]
    inner += [one for step in steps for one in step.get("steps", ())]
    return {step["type"] for step in steps} | (types_in(inner) if inner else set())


def expected(around: Surroundings) -> dict[str, Any]:
    """Return what the definition plainly means for `n` = 7."""
    unlucky = {"error": {"name": "Every.Unlucky", "cause": "number 13", "step": "unlucky"}}
    return {
        "n": 7,
        "doubled": 14,
        **({} if around.function is None else {"tripled": 21}),
        "together": [{"by": "http"}, {"by": "queue"}, {"approved": True}, {"amount": 5}, "7.5"],
        "many": [unlucky if item == 13 else [item, item] for item in range(ITEMS)],
        "trapped": "as it must",
    }


def go_through(ask: Client, around: Surroundings) -> None:
    """Run both ways through the definition, play everybody who is asked, and compare."""
    for document in (CHILD, definition(around)):
        status, body = ask("POST", "definitions", document)
        assert status == 201, body
    execution_id = begin(ask, {"n": 7, "items": list(range(ITEMS))})
    assert around.receive() == {"doubled": 14}
    answer(ask, around.desk.tokens.get(timeout=WITHIN_SECONDS), {"by": "http"})
    by_queue = around.receive()["token"]
    assert ask("POST", f"tasks/{by_queue}/heartbeat")[0] == 204
    answer(ask, by_queue, {"by": "queue"})
    (task,) = eventually(lambda: ask("GET", "tasks?role=boss")[1])
    assert ask("POST", f"tasks/{task['token']}/complete", {})[0] == 400
    answer(ask, task["token"], {"approved": True})
    assert ask("POST", f"executions/{execution_id}/signals/paid", {"amount": 5})[0] == 204
    ended = end_of(ask, execution_id)
    assert (ended["state"], ended.get("error")) == ("ExecutionSucceeded", None)
    assert ended["output"] == expected(around)
    whole(ask, execution_id)
    children = ask("GET", f"executions/{execution_id}/children")[1]
    assert len(children) == 1 + -(-ITEMS // 40)
    for child in children:
        assert child["state"] == "ExecutionSucceeded", child
        whole(ask, child["id"])
    refused = end_of(ask, begin(ask, {"n": 0, "items": []}))
    assert refused["error"] == {"name": "Every.Refused", "cause": "0 is too small", "step": "no"}


def begin(ask: Client, given: Any, definition_id: str = "every-step") -> str:
    """Start an execution; return its id."""
    status, body = ask("POST", f"definitions/{definition_id}/execute", {"input": given})
    assert status == 202, body
    return str(body["id"])


def answer(ask: Client, token: str, value: Any) -> None:
    """Complete a task."""
    status, body = ask("POST", f"tasks/{token}/complete", value)
    assert status == 204, body


def end_of(ask: Client, execution_id: str, seconds: float = WITHIN_SECONDS) -> Any:
    """Return an execution once it has ended."""

    def ended() -> Any:
        found = ask("GET", f"executions/{execution_id}")[1]
        return found if "endedAt" in found else None

    return eventually(ended, seconds)


def whole(ask: Client, execution_id: str) -> list[Any]:
    """Return a history of at most 500 events; it has no gap, and no visit has two outcomes in one life."""
    events: list[Any] = ask("GET", f"executions/{execution_id}/history?limit=500")[1]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    outcomes = ("StepSucceeded", "StepFailed", "StepTimedOut")
    lives = accumulate(event["type"] == "ExecutionRedriven" for event in events)
    visits = [(life, one["visit"]) for life, one in zip(lives, events, strict=True) if one["type"] in outcomes]
    assert len(visits) == len(set(visits)), execution_id
    return events


def eventually(look: Callable[[], Any], seconds: float = WITHIN_SECONDS) -> Any:
    """Return what `look` finds once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.1)
    return found

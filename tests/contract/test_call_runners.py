"""`lambda` and `queue` tasks and secrets, on emulators: what arrives, what comes back, what is not allowed.

LocalStack cannot run functions without containers, so functions are tried on MiniStack alone.
"""

from __future__ import annotations

import base64
import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.tasks import connect_runners
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.settings import Settings

KEY = "123:d:1//call/1"
FUNCTION = """
import time

class OutOfStock(Exception):
    pass

def handler(event, context):
    what = event.get("what") if isinstance(event, dict) else None
    if what == "raise":
        raise OutOfStock("none left")
    if what == "slow":
        time.sleep(3)
    if what == "large":
        return "x" * 1_100_000
    return {"event": event}
"""


def settings(**changes: Any) -> Settings:
    return replace(Settings(lambda_allowed=("*",), queue_allowed=("*",)), **changes)


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def perform(url: str, kind: str, request: dict[str, Any], timeout_seconds: float = 10, **changes: Any) -> TaskResult:
    clients = Clients(settings(**changes), endpoint_url=url)
    return connect_runners(clients).perform(Task(kind, "call", 1, 1, KEY, timeout_seconds, request, tenant_id="123"))


@pytest.fixture(scope="session")
def function(ministack_url: str) -> str:
    """A deployed function's name."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("code.py", FUNCTION)
    name = unique("contract")
    client = boto3.client("lambda", endpoint_url=ministack_url)
    client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="code.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": package.getvalue()},
        Timeout=20,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def invoke(url: str, function: str, payload: Any, **more: Any) -> TaskResult:
    return perform(url, "lambda", {"function": function, "payload": payload}, **more)


@pytest.mark.parametrize("payload", [{"what": None, "é": [1, 2.5]}, [1], "text", 7, None])
def test_a_function_gets_the_payload_and_its_answer_is_the_result(
    ministack_url: str, function: str, payload: Any
) -> None:
    result = invoke(ministack_url, function, payload)
    assert result.error is None, result
    assert result.value["event"] == payload


def test_a_function_may_be_named_by_its_arn(ministack_url: str, function: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    assert invoke(ministack_url, arn, 1).value["event"] == 1


def test_what_a_function_raises_is_an_error_of_lambda(ministack_url: str, function: str) -> None:
    # MiniStack tells no types of errors and no client context: those are tried on the wire, in test_lambda_wire.py.
    result = invoke(ministack_url, function, {"what": "raise"})
    assert result == TaskResult(error="Lambda.Runtime.HandlerError", cause="none left")


def test_a_slow_function_is_a_timeout(ministack_url: str, function: str) -> None:
    began = time.monotonic()
    result = invoke(ministack_url, function, {"what": "slow"}, timeout_seconds=1)
    assert result == TaskResult(error="Task.Timeout", cause="no answer within 1 s")
    assert time.monotonic() - began < 2.5


def test_a_large_answer_is_refused(ministack_url: str, function: str) -> None:
    assert invoke(ministack_url, function, {"what": "large"}).error == "Data.TooLarge"


def test_a_function_that_does_not_exist_has_lambdas_own_name(ministack_url: str) -> None:
    assert invoke(ministack_url, unique("none"), 1).error == "Lambda.ResourceNotFoundException"


def test_lambda_out_of_reach_has_a_name() -> None:
    assert invoke("http://127.0.0.1:9", "any", 1).error == "Lambda.SdkClientException"


@pytest.mark.parametrize(
    ("function", "allowed", "permitted"),
    [
        ("orders-price", ("orders-*",), True),
        ("orders-price:live", ("orders-price",), True),
        ("orders-price:live", ("orders-price:test",), False),
        ("billing", ("orders-*",), False),
        ("billing", (), False),
        ("sedo-dev", ("*",), False),
        ("sedo-dev-tick:1", ("*", "sedo-*"), False),
        ("arn:aws:lambda:us-east-1:000000000000:function:sedo-dev", ("*",), False),
        ("arn:aws:lambda:us-east-1:999999999999:function:orders-price", ("orders-*",), False),
        ("arn:aws:lambda:us-east-1:999999999999:function:a:live", ("arn:aws:lambda:*:999999999999:function:a",), True),
    ],
)
def test_only_allowed_functions_are_invoked(function: str, allowed: tuple[str, ...], permitted: bool) -> None:
    result = invoke("http://127.0.0.1:9", function, 1, lambda_allowed=allowed)
    assert result.error == ("Lambda.SdkClientException" if permitted else "Lambda.Forbidden")


@pytest.fixture(scope="session", params=["ministack", "localstack"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


class Made:
    """A queue of one test, and what lies in it."""

    def __init__(self, url: str, name: str, attributes: Any = None) -> None:
        self.client: Any = boto3.client("sqs", endpoint_url=url)
        self.name = name
        self.queue_url = self.client.create_queue(QueueName=name, Attributes=attributes or {})["QueueUrl"]
        found = self.client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def received(self, wait_seconds: int = 2) -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))


@pytest.fixture
def queue(url: str) -> Iterator[Made]:
    made = Made(url, unique("orders"))
    yield made
    made.client.delete_queue(QueueUrl=made.queue_url)


@pytest.mark.parametrize(("message", "body"), [("text", "text"), ({"a": ["é", 1]}, '{"a":["é",1]}'), (7, "7")])
def test_a_message_is_sent_with_its_key(url: str, queue: Made, message: Any, body: str) -> None:
    result = perform(url, "queue", {"queue": queue.name, "message": message})
    (found,) = queue.received()
    assert result.value == {"messageId": found["MessageId"]}
    assert found["Body"] == body
    assert found["MessageAttributes"]["Idempotency-Key"]["StringValue"] == KEY


def test_a_queue_may_be_named_by_its_arn_and_its_url(url: str, queue: Made) -> None:
    for name in (queue.arn, queue.queue_url):
        assert perform(url, "queue", {"queue": name, "message": "x"}).error is None
    found = queue.received()
    assert len(found + (queue.received() if len(found) < 2 else [])) == 2


def test_a_delayed_message_comes_later(url: str, queue: Made) -> None:
    perform(url, "queue", {"queue": queue.name, "message": "later", "delaySeconds": 2})
    assert queue.received(wait_seconds=0) == []
    assert [message["Body"] for message in queue.received(wait_seconds=5)] == ["later"]


def test_a_fifo_queue_sees_a_repeated_message_once(url: str) -> None:
    queue = Made(url, unique("orders") + ".fifo", {"FifoQueue": "true"})
    for _ in range(2):
        assert perform(url, "queue", {"queue": queue.name, "message": "once"}).error is None
    (found,) = queue.received()
    assert found["Attributes"]["MessageGroupId"] == "123:d:1"
    assert found["Attributes"]["MessageDeduplicationId"] == KEY
    assert queue.received(wait_seconds=0) == []


def test_a_queue_that_does_not_exist_has_a_name(url: str) -> None:
    assert perform(url, "queue", {"queue": unique("none"), "message": "x"}).error == "Queue.NotFound"


@pytest.mark.parametrize(
    ("name", "allowed", "error"),
    [
        ("orders", (), "Queue.Forbidden"),
        ("orders", ("billing*",), "Queue.Forbidden"),
        ("orders", ("ord*",), "Queue.Unreachable"),
        ("sedo_timeout-queue", ("*",), "Queue.Forbidden"),
        ("sedo_mine", ("*",), "Queue.Forbidden"),
        ("dev-sedo_execution-processor-queue", ("*",), "Queue.Forbidden"),
        ("arn:aws:sqs:us-east-1:000000000000:sedo_timeout-queue", ("*",), "Queue.Forbidden"),
        ("https://sqs.us-east-1.amazonaws.com/000000000000/sedo_timeout-queue", ("*",), "Queue.Forbidden"),
        ("arn:aws:sqs:us-east-1:999999999999:orders", ("orders",), "Queue.Forbidden"),
        ("https://elsewhere.example/999999999999/orders", ("orders", "https://*"), "Queue.Forbidden"),
        ("arn:aws:sqs:us-east-1:999999999999:orders", ("arn:aws:sqs:*:999999999999:*",), "Queue.Unreachable"),
        ("arn:aws:sqs:eu-west-1:000000000000:orders", ("*",), "Queue.NotFound"),
    ],
)
def test_only_allowed_queues_are_sent_to(name: str, allowed: tuple[str, ...], error: str) -> None:
    result = perform("http://127.0.0.1:9", "queue", {"queue": name, "message": "x"}, queue_allowed=allowed)
    assert result.error == error


@pytest.mark.parametrize("source", ["secretsmanager", "ssm"])
def test_secrets_are_read_where_the_deployment_keeps_them(url: str, source: str) -> None:
    prefix = unique("team")
    if source == "ssm":
        boto3.client("ssm", endpoint_url=url).put_parameter(
            Name=f"/{prefix}/123/key", Value="from the store", Type="SecureString"
        )
    else:
        boto3.client("secretsmanager", endpoint_url=url).create_secret(
            Name=f"{prefix}/123/key", SecretString="from the store"
        )
    request = {"url": "http://127.0.0.1:9/", "headers": {"x": ""}}
    there = request | {"secrets": [{"at": ["headers", "x"], "parts": [{"secret": "key"}]}]}
    missing = request | {"secrets": [{"at": ["headers", "x"], "parts": [{"secret": "none"}]}]}
    changes: dict[str, Any] = {"secrets": f"{source}:{prefix}", "http_allow_private": True}
    assert perform(url, "http", there, **changes).error == "Http.ConnectionFailed"
    assert perform(url, "http", missing, **changes).error == "Secrets.NotFound"
    assert perform("http://127.0.0.1:9", "http", there, **changes).error == "Secrets.Unavailable"


def test_the_client_context_is_small_enough_for_lambda() -> None:
    longest = f"{'t' * 64}:{'d' * 64}:{'0' * 40}//{'s' * 64}/1000000"
    assert len(base64.b64encode(json.dumps({"custom": {"idempotencyKey": longest}}).encode())) < 3583

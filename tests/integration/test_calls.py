"""Outside calls through the whole of sedo, on both emulators: a secret is used and never shown, a message arrives."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integration.served import Api, serving

SECRET = "not-for-anybodys-eyes"


class Echo(BaseHTTPRequestHandler):
    """Tells whoever asks what it was sent."""

    def log_message(self, *args: Any) -> None: ...

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        told = json.dumps({"key": self.headers["x-key"], "body": json.loads(body)}).encode()
        self.send_response(500 if "fail" in body else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("emulator", ["ministack", "localstack"])
def test_a_secret_is_sent_masked_and_stored_nowhere_and_the_message_arrives(
    request: pytest.FixtureRequest, tmp_path: Path, echo: str, emulator: str
) -> None:
    emulator_url: str = request.getfixturevalue(f"{emulator}_url")
    with serving(emulator_url, tmp_path) as api:
        boto3.client("secretsmanager", endpoint_url=emulator_url).create_secret(
            Name=f"sedo/{api.tenant_id}/key", SecretString=SECRET
        )
        sqs = boto3.client("sqs", endpoint_url=emulator_url)
        name = f"calls-{uuid.uuid4().hex[:8]}"
        queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        call = {
            "type": "http",
            "method": "POST",
            "url": echo,
            "headers": {"x-key": "key ${ secrets.key }"},
            "body": {"said": "${ input }", "key": "${ secrets.key }"},
        }
        tell = {"type": "queue", "queue": name, "message": {"echoed": "${ input.body }"}, "end": True}
        steps = [{"id": "call", **call, "next": "tell"}, {"id": "tell", **tell}]
        assert api.post("definitions", {"id": "calls", "steps": steps}).status == 201
        ended = run(api, "${ secrets.key }")
        assert ended["state"] == "ExecutionSucceeded", ended
        (message,) = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=5)["Messages"]
        assert ended["output"] == {"messageId": message["MessageId"]}
        assert json.loads(message["Body"]) == {
            "echoed": {"key": "key ***", "body": {"said": "${ secrets.key }", "key": "***"}}
        }
        failed = run(api, "fail")
        assert (failed["state"], failed["error"]["name"]) == ("ExecutionFailed", "Http.500")
        assert "***" in failed["error"]["cause"]
        shown = [api.get(f"executions/{one['id']}/history").json for one in (ended, failed)]
        assert SECRET not in json.dumps([shown, ended, failed, api.get("definitions/calls").json])
    for log in tmp_path.glob("*.log"):
        assert SECRET not in log.read_text(errors="replace")


def run(api: Api, given: Any) -> Any:
    started = api.post("definitions/calls/execute", {"input": given})
    assert started.status == 202, started
    return api.wait_for_end(started.json["id"])

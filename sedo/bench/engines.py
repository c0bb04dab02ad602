"""How each engine is started and asked: `prepare` a chain, `start` one execution, see whether it has `ended`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from sedo.bench import definitions
from sedo.bench.client import Client, RequestFailed

TENANT = "bench"
GOOD_ENDS = ("ExecutionSucceeded", "SUCCEEDED")
RUNNING = ("ExecutionSubmitted", "StepStarted", "RUNNING")


class Engine(Protocol):
    """What is measured. Moments are seconds since the epoch, by the engine's own clock on this machine."""

    name: str
    modes: tuple[str, ...]

    def prepare(self, mode: str, steps: int, echo_url: str) -> str:
        """Make the chain known; return what `start` takes."""
        ...

    def start(self, workflow: str) -> str:
        """Start one execution; return its id."""
        ...

    def ended_at(self, execution_id: str) -> float | None:
        """Return when it ended, None while it runs. Raises RequestFailed for a bad end."""
        ...


class Sedo:
    """sedo by its HTTP API."""

    name = "sedo"
    modes: tuple[str, ...] = ("pure", "effect")

    def __init__(self, client: Client) -> None:
        self._client = client

    def prepare(self, mode: str, steps: int, echo_url: str) -> str:
        """Post the definition."""
        return self.post(definitions.pure(steps) if mode == "pure" else definitions.effect(steps, echo_url))

    def post(self, document: definitions.Definition) -> str:
        """Post any definition; return what `start` takes."""
        self._post(f"/sedo/tenants/{TENANT}/definitions", document)
        return f"/sedo/tenants/{TENANT}/definitions/{document['id']}/execute"

    def start(self, workflow: str) -> str:
        """Post to /execute."""
        return str(self._post(workflow, {"input": {"foo": "bar"}})["id"])

    def ended_at(self, execution_id: str) -> float | None:
        """Get the execution."""
        found = json.loads(self._client.request("GET", f"/sedo/tenants/{TENANT}/executions/{quote(execution_id)}"))
        return _ended(found, found["state"], found.get("endedAt"))

    def _post(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        return json.loads(self._client.request("POST", path, json.dumps(body).encode(), headers))


class StepFunctions:
    """An emulator's own Step Functions, by the JSON protocol of AWS."""

    name = "step-functions"
    modes: tuple[str, ...] = ("pure",)

    def __init__(self, client: Client) -> None:
        self._client = client

    def prepare(self, mode: str, steps: int, echo_url: str) -> str:
        """Create the state machine; it calls nobody."""
        return self.create(f"pure-{steps}", definitions.pass_states(steps))

    def create(self, name: str, definition: str) -> str:
        """Create any state machine; return what `start` takes."""
        role = "arn:aws:iam::000000000000:role/bench"
        made = self._call("CreateStateMachine", name=name, definition=definition, roleArn=role, type="STANDARD")
        return str(made["stateMachineArn"])

    def start(self, workflow: str) -> str:
        """StartExecution."""
        return str(self._call("StartExecution", stateMachineArn=workflow, input='{"foo": "bar"}')["executionArn"])

    def ended_at(self, execution_id: str) -> float | None:
        """DescribeExecution."""
        found = self._call("DescribeExecution", executionArn=execution_id)
        return _ended(found, found["status"], found.get("stopDate"))

    def _call(self, operation: str, **members: Any) -> Any:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AWSStepFunctions.{operation}",
            # Emulators read region and service from it, and check no signature.
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }
        return json.loads(self._client.request("POST", "/", json.dumps(members).encode(), headers))


def _ended(found: Any, state: str, ended: str | float | None) -> float | None:
    if state in RUNNING:
        return None
    if state not in GOOD_ENDS or ended is None:
        raise RequestFailed(f"ended as {state}: {json.dumps(found)[:500]}")
    return datetime.fromisoformat(ended).timestamp() if isinstance(ended, str) else float(ended)

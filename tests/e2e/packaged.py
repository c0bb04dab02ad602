"""Deploys what scripts/package built onto an emulator by CloudFormation, and talks to it through its API gateway."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from sandbox.up import OPEN

BUCKET = "sedo-packages"
STACK = "sedo-packaged"
REGION = "us-east-1"
STACK_WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """Of an HTTP request."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Deployed:
    """A running stack: its emulator, its API and the gateway's stage."""

    url: str
    api_id: str
    stage: str

    def client(self, service: str) -> Any:
        return client(self.url, service)

    def call(self, method: str, path: str, body: Any = None, **more_headers: str) -> Answer:
        """By the name that the gateway knows its API by; the emulator answers all of them on one port."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Host": f"{self.api_id}.execute-api.localhost:{address.port}", "Content-Type": "application/json"}
        headers |= more_headers
        try:
            connection.request(method, f"/{self.stage}{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            parsed = json.loads(content) if content else None
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, parsed)
        finally:
            connection.close()


def client(url: str, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def deploy(url: str, package: Path) -> Deployed:
    """As `aws cloudformation package` and `deploy` would: the zip into a bucket, its place into the template."""
    s3 = client(url, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_file(str(package / "deployment.zip"), BUCKET, "deployment.zip")
    template = json.loads((package / "sam.json").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/deployment.zip"
            # What a stage's settings would say: here the other side of every call is on this machine.
            environment = resource["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
            environment.update(OPEN)
    cloudformation = client(url, "cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": "Alarms", "ParameterValue": "false"}],
    )
    stack = eventually(lambda: settled(cloudformation), STACK_WITHIN_SECONDS)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        raise AssertionError([stack["StackStatus"], *(event.get("ResourceStatusReason") for event in events)])
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Deployed(url, outputs["RestAPIId"], urlsplit(outputs["EndpointURL"]).path.strip("/"))


def settled(cloudformation: Any) -> Any:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack


def eventually(look: Callable[[], Any], within_seconds: float) -> Any:
    """What `look` finds once it finds something."""
    deadline = time.monotonic() + within_seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing within {within_seconds} s"
        time.sleep(0.1)
    return found

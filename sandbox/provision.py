"""Creates or updates the stack of tables and queues, and fails clearly where what was made is not what it says.

    python -m sandbox.provision [--template FILE] [--stack NAME] [--parameter NAME=VALUE ...] [--delete]

The endpoint and the account come from the AWS SDK's own environment variables.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.bootstrap import ROOT
from sandbox.readback import differences
from sandbox.template import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

TEMPLATE = ROOT / "resources.json"
STACK_WITHIN_SECONDS = 300.0
# An emulator has no CloudWatch worth alarming, and nobody wants to wait six minutes for a retry at their desk.
LOCAL_PARAMETERS = {"Alarms": "false", "VisibilityTimeoutSeconds": "60"}


class ProvisionError(RuntimeError):
    """The stack failed, or what it made differs from the template."""


def provision(template_path: Path, stack: str, parameters: Mapping[str, str]) -> list[str]:
    """Creates or updates the stack and checks it; returns the physical names. Safe to run again."""
    text = template_path.read_text()
    template = Template(json.loads(text), parameters)
    session = boto3.session.Session()
    client = session.client("cloudformation", config=Config(retries={"max_attempts": 8, "mode": "standard"}))
    apply(client, stack, text, template.given)
    status = wait_for(client, stack)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise ProvisionError(f"the stack {stack} ended as {status}\n{failures(client, stack)}")
    made = physical_ids(client, stack)
    wrong = differences(session, template, made)
    if wrong:
        listed = "\n".join(f"  {line}" for line in wrong)
        raise ProvisionError(
            f"the stack {stack} says {status}, but what was made differs from {template_path.name}:\n{listed}"
        )
    return sorted(physical.rsplit("/", 1)[-1] for physical in made.values())


def apply(client: CloudFormationClient, stack: str, text: str, parameters: Mapping[str, str]) -> None:
    """Create, or update what is there; nothing to update is fine."""
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    request = {"StackName": stack, "TemplateBody": text, "Parameters": given}
    status = wait_for(client, stack)
    if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
        # A stack whose creation failed can only be deleted; it holds nothing.
        delete(client, stack)
        status = None
    if status is None:
        client.create_stack(**request)  # type: ignore[arg-type]
        return
    try:
        client.update_stack(**request)  # type: ignore[arg-type]
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def delete(client: CloudFormationClient, stack: str) -> None:
    """Deletes the stack with all that its tables and queues hold."""
    client.delete_stack(StackName=stack)
    status = wait_for(client, stack)
    if status is not None:
        raise ProvisionError(f"the stack {stack} could not be deleted: {status}\n{failures(client, stack)}")


def wait_for(client: CloudFormationClient, stack: str) -> str | None:
    """The status once nothing is in progress, or None for a stack that is not there."""
    deadline = time.monotonic() + STACK_WITHIN_SECONDS
    while True:
        status = status_of(client, stack)
        if status is None or not status.endswith("_IN_PROGRESS"):
            return status
        if time.monotonic() > deadline:
            raise ProvisionError(f"the stack {stack} is still {status} after {STACK_WITHIN_SECONDS:.0f} s")
        time.sleep(0.2)


def status_of(client: CloudFormationClient, stack: str) -> str | None:
    """Some emulators keep deleted stacks in the answer; AWS says they do not exist."""
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    status = found[0]["StackStatus"] if found else "DELETE_COMPLETE"
    return None if status == "DELETE_COMPLETE" else status


def failures(client: CloudFormationClient, stack: str) -> str:
    """Why, as far as the stack's events tell."""
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    lines = [
        f"  {event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if "FAILED" in event.get("ResourceStatus", "")
    ]
    return "\n".join(lines[-10:])


def physical_ids(client: CloudFormationClient, stack: str) -> dict[str, str]:
    """Logical to physical: a table's name, a queue's URL."""
    resources = client.describe_stack_resources(StackName=stack)["StackResources"]
    return {entry["LogicalResourceId"]: entry.get("PhysicalResourceId", "") for entry in resources}


def stack_name(prefix: str) -> str:
    """Stack names know fewer characters than prefixes do."""
    return re.sub(r"[^A-Za-z0-9-]", "-", f"{prefix}sedo-resources")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when all is as the template says."""
    prefix = os.environ.get("SEDO_PREFIX", "")
    parser = argparse.ArgumentParser(prog="python -m sandbox.provision", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--template", type=Path, default=TEMPLATE)
    parser.add_argument("--stack", default=stack_name(prefix))
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--delete", action="store_true", help="delete the stack and all data in it")
    asked = parser.parse_args(arguments)
    local = LOCAL_PARAMETERS if os.environ.get("AWS_ENDPOINT_URL") else {}
    parameters = {"Prefix": prefix, **local, **dict(pair.split("=", 1) for pair in asked.parameter)}
    try:
        if asked.delete:
            delete(boto3.client("cloudformation"), asked.stack)
            print(f"deleted the stack {asked.stack}")
        else:
            names = provision(asked.template, asked.stack, parameters)
            print(f"the stack {asked.stack} is as {asked.template.name} says: {', '.join(names)}")
    except (ProvisionError, BotoCoreError, ClientError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

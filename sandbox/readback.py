"""Asks the services what they really made and compares it with the template.

Emulators have been seen to report success and leave things out, an added index for one. What is known to be ignored
and can be set by an ordinary call, a table's time to live, is set here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.template import Template

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient

Properties = Mapping[str, Any]
ACTIVE_WITHIN_SECONDS = 60.0
QUEUE_DEFAULTS = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
}


def differences(session: Session, template: Template, made: Mapping[str, str]) -> list[str]:
    """One sentence for each thing that is not as the template says. `made` maps logical to physical ids."""
    found: list[str] = []
    for logical_id, resource in template.resources.items():
        check = CHECKS.get(resource["Type"])
        if logical_id not in made:
            if "Condition" not in resource:
                found.append(f"{logical_id} was not made")
        elif check:
            name = made[logical_id].rsplit("/", 1)[-1]
            found += [f"{name}: {text}" for text in check(session, name, template.properties(logical_id))]
    return found


def check_table(session: Session, name: str, wanted: Properties) -> list[str]:
    """Keys with their types, indexes with theirs, billing, time to live."""
    client = session.client("dynamodb")
    table = wait_for_active(client, name)
    if table is None:
        return ["the table is not there"]
    pairs = [
        ("keys", keys(wanted), keys(table)),
        ("indexes", indexes(wanted), indexes(table)),
        ("billing", wanted.get("BillingMode", "PROVISIONED"), billing(table)),
        ("time to live", time_to_live(wanted), ensure_time_to_live(client, name, wanted)),
    ]
    return [f"{what} should be {want}, found {have}" for what, want, have in pairs if want != have]


def wait_for_active(client: DynamoDBClient, name: str) -> Properties | None:
    """The table's description once it can be used, or None."""
    deadline = time.monotonic() + ACTIVE_WITHIN_SECONDS
    while True:
        try:
            table = client.describe_table(TableName=name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            return None
        if table["TableStatus"] == "ACTIVE" or time.monotonic() > deadline:
            return table
        time.sleep(0.2)


def keys(table: Properties) -> list[str]:
    """Like `id HASH S`."""
    return key_list(table, table["KeySchema"])


def key_list(table: Properties, schema: Sequence[Properties]) -> list[str]:
    """The keys of a table or of one of its indexes, with their types."""
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
    return [f"{key['AttributeName']} {key['KeyType']} {types.get(key['AttributeName'], '?')}" for key in schema]


def indexes(table: Properties) -> dict[str, list[str]]:
    """Global and local ones by name: keys, then what is projected."""
    both = [*table.get("GlobalSecondaryIndexes", []), *table.get("LocalSecondaryIndexes", [])]
    return {
        index["IndexName"]: [
            *key_list(table, index["KeySchema"]),
            index["Projection"].get("ProjectionType", "ALL"),
            *sorted(index["Projection"].get("NonKeyAttributes", [])),
        ]
        for index in sorted(both, key=lambda index: str(index["IndexName"]))
    }


def billing(table: Properties) -> str:
    """A table that was made with provisioned capacity may have no summary."""
    return str(table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"))


def time_to_live(wanted: Properties) -> str | None:
    """The attribute, or None where there is none."""
    specification = wanted.get("TimeToLiveSpecification", {})
    return str(specification["AttributeName"]) if specification.get("Enabled") else None


def ensure_time_to_live(client: DynamoDBClient, name: str, wanted: Properties) -> str | None:
    """The attribute as the service tells it, after setting it where the stack did not."""
    want, have = time_to_live(wanted), read_time_to_live(client, name)
    if want and want != have:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": want})
        return read_time_to_live(client, name)
    return have


def read_time_to_live(client: DynamoDBClient, name: str) -> str | None:
    """ENABLING counts: on AWS it takes up to an hour."""
    found = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return found.get("AttributeName") if found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") else None


def check_queue(session: Session, name: str, wanted: Properties) -> list[str]:
    """The attributes that change how messages travel."""
    client = session.client("sqs")
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return ["the queue is not there"]
    have: Mapping[Any, str] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    pairs = [(key, str(wanted.get(key, default)), have.get(key, default)) for key, default in QUEUE_DEFAULTS.items()]
    pairs.append(("RedrivePolicy", redrive(wanted.get("RedrivePolicy")), redrive(have.get("RedrivePolicy"))))
    return [f"{key} should be {want}, found {found}" for key, want, found in pairs if want != found]


def redrive(policy: Any) -> str:
    """Like `4 receives, then sedo_dead-letter-queue`, from the template's form and from the service's JSON text."""
    if not policy:
        return "none"
    parsed = json.loads(policy) if isinstance(policy, str) else policy
    target = str(parsed["deadLetterTargetArn"]).rsplit(":", 1)[-1]
    return f"{parsed['maxReceiveCount']} receives, then {target}"


CHECKS: Mapping[str, Callable[[Session, str, Properties], list[str]]] = {
    "AWS::DynamoDB::Table": check_table,
    "AWS::SQS::Queue": check_queue,
}

"""The template is resolved as CloudFormation would, and differences are told in words."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import readback
from sandbox.provision import stack_name
from sandbox.template import Template, TemplateError

BODY: dict[str, Any] = {
    "Parameters": {"Prefix": {"Default": ""}, "Count": {"Default": 4}},
    "Resources": {
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Prefix}dead"}}},
        "Ready": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": {"Fn::Join": ["", [{"Ref": "Prefix"}, "ready"]]},
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                    "maxReceiveCount": {"Ref": "Count"},
                },
            },
        },
        "Unknown": {"Type": "X", "Properties": {"A": {"Fn::Select": [0, []]}, "B": {"Ref": "Nobody"}}},
    },
}


def test_resolved() -> None:
    template = Template(BODY, {"Prefix": "p-", "NotDeclared": "x"})
    assert template.given == {"Prefix": "p-"}
    assert template.properties("Ready") == {
        "QueueName": "p-ready",
        "RedrivePolicy": {"deadLetterTargetArn": "p-dead", "maxReceiveCount": "4"},
    }
    with pytest.raises(TemplateError, match="Fn::Select"):
        template.properties("Unknown")
    with pytest.raises(TemplateError, match="Nobody"):
        template.resolve({"Ref": "Nobody"})


def test_redrive_compares_by_name() -> None:
    wanted = Template(BODY, {}).properties("Ready")["RedrivePolicy"]
    found = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":4}'
    assert readback.redrive(wanted) == readback.redrive(found) == "4 receives, then dead"
    assert readback.redrive(None) == "none"


def test_a_table_in_words() -> None:
    table = {
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_n",
                "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
    }
    assert readback.keys(table) == ["id HASH S"]
    assert readback.indexes(table) == {"by_n": ["n HASH N", "KEYS_ONLY"]}
    assert readback.time_to_live(table) == "expiresAt"
    assert readback.time_to_live({}) is None
    assert readback.billing(table) == "PROVISIONED"


def test_stack_names_are_plain() -> None:
    assert stack_name("") == "sedo-resources"
    assert stack_name("my_team.") == "my-team-sedo-resources"

"""Chalice's record of a deployed stage: read, and made anew from AWS where it is missing.

Chalice writes it only when all went well. Without it a second try would make a second API and trip over its own event
source mappings; what it finds by name (functions, roles, rules) need not be in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

SCHEMA_VERSION = "2.0"


def invoke_url(deployed: dict[str, Any]) -> str:
    """Of the REST API, without a slash at its end."""
    found = next(one for one in deployed["resources"] if one["resource_type"] == "rest_api")
    return str(found["rest_api_url"]).rstrip("/")


def queue_functions(deployed: dict[str, Any]) -> list[str]:
    """The ARNs of the functions that a queue calls."""
    return sorted({one["lambda_arn"] for one in deployed["resources"] if one["resource_type"] == "sqs_event"})


def rebuild(session: Any, app: str, stage: str) -> dict[str, Any] | None:
    """What of a deployment of this stage is on AWS, as Chalice would have written it; None where nothing is."""
    functions = list(functions_of(session.client("lambda"), f"{app}-{stage}"))
    resources = [
        *(entry for function in functions for entry in queue_events(session.client("lambda"), app, stage, function)),
        *rest_apis(session, functions, f"{app}-{stage}"),
    ]
    if not resources:
        return None
    return {"schema_version": SCHEMA_VERSION, "backend": "api", "resources": resources}


def functions_of(client: Any, prefix: str) -> Iterator[dict[str, Any]]:
    """The stage's: the API's is named after it, the others begin so."""
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if function["FunctionName"] == prefix or function["FunctionName"].startswith(f"{prefix}-"):
                yield function


def queue_events(client: Any, app: str, stage: str, function: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The mappings from queues to one function."""
    handler = function["FunctionName"].removeprefix(f"{app}-{stage}-")
    for mapping in client.list_event_source_mappings(FunctionName=function["FunctionName"])["EventSourceMappings"]:
        arn = mapping["EventSourceArn"]
        yield {
            "name": f"{handler}-sqs-event-source",
            "resource_type": "sqs_event",
            "queue_arn": arn,
            "event_uuid": mapping["UUID"],
            "queue": arn.rsplit(":", 1)[-1],
            "lambda_arn": function["FunctionArn"],
        }


def rest_apis(session: Any, functions: list[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    """The API that may call the stage's function, as the function's own policy says."""
    function = next((one for one in functions if one["FunctionName"] == name), None)
    if function is None:
        return
    client = session.client("lambda")
    try:
        text = client.get_policy(FunctionName=name)["Policy"]
    except client.exceptions.ResourceNotFoundException:
        return
    ids = re.findall(r"execute-api:[^:]*:[^:]*:(\w+)/", json.dumps(json.loads(text)))
    for found in session.client("apigateway").get_rest_apis(limit=500)["items"]:
        if found["id"] in ids:
            yield {
                "name": "rest_api",
                "resource_type": "rest_api",
                "rest_api_id": found["id"],
                "rest_api_url": "",
            }

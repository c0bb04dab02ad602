"""The rights that outside calls need, made of the very settings that allow them, so that the two never differ.

Without such settings nothing is added: a deployment calls no function, no queue and no store of secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CALLERS = ("policy-execution-processor.json", "policy-timeout-processor.json")


def statements(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The statements for SEDO_LAMBDA_ALLOWED, SEDO_QUEUE_ALLOWED and SEDO_SECRETS. Raises ValueError."""
    found: list[dict[str, Any]] = []
    functions = [resource for name in _listed(environment, "SEDO_LAMBDA_ALLOWED") for resource in _functions(name)]
    if functions:
        found.append(_statement("InvokeAllowedFunctions", ["lambda:InvokeFunction"], functions))
        own = ["arn:aws:lambda:*:*:function:sedo-*"]
        found.append(_statement("InvokeNothingOfSedo", ["lambda:InvokeFunction"], own) | {"Effect": "Deny"})
    queues = [_resource("sqs:*:*:", name) for name in _listed(environment, "SEDO_QUEUE_ALLOWED")]
    if queues:
        found.append(_statement("SendToAllowedQueues", ["sqs:GetQueueUrl", "sqs:SendMessage"], queues))
    source, _, prefix = environment.get("SEDO_SECRETS", "").partition(":")
    prefix = prefix.strip("/")
    if source == "secretsmanager":
        resource = f"arn:aws:secretsmanager:*:*:secret:{prefix}/*"
        found.append(_statement("ReadSecrets", ["secretsmanager:GetSecretValue"], [resource]))
    elif source == "ssm":
        found.append(_statement("ReadSecrets", ["ssm:GetParameter"], [f"arn:aws:ssm:*:*:parameter/{prefix}/*"]))
    return found


def add(folder: Path, environment: Mapping[str, str]) -> None:
    """Adds them to the policies of the functions that perform outside calls, in a folder with copies."""
    for name in CALLERS:
        path = folder / name
        policy = json.loads(path.read_text())
        policy["Statement"] += statements(environment)
        path.write_text(json.dumps(policy, indent=2) + "\n")


def _statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _functions(pattern: str) -> list[str]:
    """A function, and its versions and aliases."""
    resource = _resource("lambda:*:*:function:", pattern)
    return [resource, f"{resource}:*"]


def _resource(kind: str, pattern: str) -> str:
    return pattern if pattern.startswith("arn:") else f"arn:aws:{kind}{pattern}"


def _listed(environment: Mapping[str, str], name: str) -> list[str]:
    found = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
    for pattern in found:
        if "[" in pattern:
            raise ValueError(f"{name}: {pattern} cannot be said in a policy, which knows * and ? alone")
    return found

"""The JSON Schema of definitions: what is listed here may be written, anything else is refused by its path."""

from __future__ import annotations

from typing import Any

from chalicelib.engine.steps.base import DEFINITION_ID, STEPS, StepType

STEP_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z"
STASH_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}\Z"
MAX_RETENTION_DAYS = 3650
MAX_SCHEDULES = 20
MAX_TIMEOUT_SECONDS = 10 * 366 * 86_400

_ERRORS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 256},
    "minItems": 1,
    "maxItems": 50,
}
_SECONDS = {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_TIMEOUT_SECONDS}
_STASH = {"type": "object", "propertyNames": {"pattern": STASH_NAME}, "maxProperties": 100}

RETRY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "errors": _ERRORS,
        "maxAttempts": {"type": "integer", "minimum": 1, "maximum": 1000},
        "intervalSeconds": {"type": "number", "minimum": 0, "maximum": 86_400},
        "backoffRate": {"type": "number", "minimum": 1, "maximum": 100},
        "maxIntervalSeconds": {"type": "number", "minimum": 0, "maximum": 86_400 * 366},
        "jitter": {"enum": ["full", "none"]},
    },
    "required": ["errors"],
    "additionalProperties": False,
}
CATCH: dict[str, Any] = {
    "type": "object",
    "properties": {"errors": _ERRORS, "stash": _STASH, "next": {"type": "string"}},
    "required": ["errors", "next"],
    "additionalProperties": False,
}
COMMON: dict[str, Any] = {
    "id": {"type": "string", "pattern": STEP_ID},
    "type": {"type": "string"},
    "description": {"type": "string", "maxLength": 1024},
    "next": {"type": "string"},
    "end": {"const": True},
    "input": {},
    "output": {},
    "stash": _STASH,
    "retry": {"type": "array", "items": RETRY, "maxItems": 20},
    "catch": {"type": "array", "items": CATCH, "maxItems": 20},
    "timeoutSeconds": _SECONDS,
}
SCHEDULE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "cron": {"type": "string", "maxLength": 128},
        "timezone": {"type": "string", "maxLength": 64},
        "every": {"type": "string", "maxLength": 32},
        "input": {},
    },
    "additionalProperties": False,
}
DEFINITION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": DEFINITION_ID},
        "description": {"type": "string", "maxLength": 1024},
        "inputSchema": {"type": ["object", "boolean"]},
        "timeoutSeconds": _SECONDS,
        "maxTransitions": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "retentionDays": {"type": "integer", "minimum": 1, "maximum": MAX_RETENTION_DAYS},
        "output": {},
        "schedule": {"type": "array", "items": SCHEDULE, "maxItems": MAX_SCHEDULES},
        "steps": STEPS,
    },
    "required": ["id", "steps"],
    "additionalProperties": False,
}


def step_schema(step_type: StepType) -> dict[str, Any]:
    """Return the schema of one step type: the common fields and its own."""
    common = COMMON
    if step_type.max_timeout_seconds is not None:
        common = COMMON | {"timeoutSeconds": _SECONDS | {"maximum": step_type.max_timeout_seconds}}
    common = {name: schema for name, schema in common.items() if name not in step_type.refused}
    return {
        "type": "object",
        "properties": common | dict(step_type.properties),
        "required": ["id", "type", *step_type.required],
        "additionalProperties": False,
    }


UNKNOWN_STEP: dict[str, Any] = {"type": "object", "properties": COMMON, "required": ["id"]}
"""What can be said about a step whose type is not known."""

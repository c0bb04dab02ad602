"""The JSON Schema of test files: what may stand in a NAME.test.yaml."""

from __future__ import annotations

from typing import Any

STATES = {
    "succeeded": "ExecutionSucceeded",
    "failed": "ExecutionFailed",
    "timedOut": "ExecutionTimedOut",
    "cancelled": "ExecutionCancelled",
}
"""The short names of states; the long ones may be written too."""
SECONDS = {"type": "number", "minimum": 0, "maximum": 100 * 366 * 86_400}
MAX_CASES = 1000
MAX_ENTRIES = 10_000


def _members(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_ERROR = _members({"name": {"type": "string", "minLength": 1}, "cause": {"type": "string"}}, "name")
_ONE_OF_THEM = {
    "not": {
        "anyOf": [
            {"required": [one, other]}
            for i, one in enumerate(("output", "error", "never", "arrivals"))
            for other in ("output", "error", "never", "arrivals")[i + 1 :]
        ]
    }
}
_ANSWER = {"output": {}, "error": _ERROR, "after": SECONDS}
_CALL = _members(_ANSWER)
_ENTRY = _members(
    {
        **_ANSWER,
        "never": {"const": True},
        "times": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "any"}]},
        "request": {"type": "object"},
        "call": _CALL,
        "heartbeats": {"type": "array", "items": SECONDS, "maxItems": 1000},
        "arrivals": {"type": "array", "items": _CALL, "minItems": 1, "maxItems": 100},
    }
)
_ENTRIES = {"type": "array", "items": {"$ref": "#/$defs/entry"}, "minItems": 1, "maxItems": MAX_ENTRIES}
_ITEMS = _members(
    {
        "items": {
            "type": "object",
            "patternProperties": {r"^(\*|[0-9]+(/[0-9]+)*)$": _ENTRIES},
            "additionalProperties": False,
            "minProperties": 1,
        }
    },
    "items",
)
_PATH: dict[str, Any] = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/inside"}]}}
_INSIDE = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"$ref": "#/$defs/path"},
            {"type": "array", "items": {"$ref": "#/$defs/path"}},
            {
                "type": "object",
                "patternProperties": {"^[0-9]+$": {"$ref": "#/$defs/path"}},
                "additionalProperties": False,
            },
        ]
    },
}
_EXPECT = _members(
    {
        "state": {"enum": [*STATES, *STATES.values()]},
        "path": {"$ref": "#/$defs/path"},
        "output": {},
        "stash": {"type": "object"},
        "error": _members({name: {"type": "string"} for name in ("name", "cause", "step")}),
        "seconds": _members({"atLeast": SECONDS, "atMost": SECONDS}),
    }
) | {"minProperties": 1}
_SIGNAL = _members({"name": {"type": "string"}, "after": SECONDS, "payload": {}}, "name")
_CASE = _members(
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "input": {},
        "at": {"type": "string"},
        "mocks": {"type": "object", "additionalProperties": {"anyOf": [_ENTRIES, _ITEMS]}},
        "signals": {"type": "array", "items": _SIGNAL, "maxItems": 1000},
        "cancel": _members({"after": SECONDS, "cause": {"type": "string"}}, "after"),
        "expect": _EXPECT,
    },
    "name",
    "expect",
)
TEST_FILE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Tests of a definition of sedo",
    **_members(
        {
            "definition": {"type": "string", "minLength": 1},
            "cases": {"type": "array", "items": _CASE, "minItems": 1, "maxItems": MAX_CASES},
        },
        "cases",
    ),
    "$defs": {"entry": _ENTRY | _ONE_OF_THEM, "path": _PATH, "inside": _INSIDE},
}

"""Who calls: what an authorizer says counts, then what the caller says of itself, then nobody."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Request

from chalicelib.api.handling import Answer, Call, Route, respond
from chalicelib.api.routes import EXECUTIONS
from tests.unit.api.local import LocalApi


@pytest.mark.parametrize(
    ("principal", "header", "actor"),
    [
        (None, None, "anonymous"),
        (None, "jo", "jo"),
        ("", "jo", "jo"),
        ("al@example.com", "jo", "al@example.com"),
        ("al", None, "al"),
    ],
)
def test_who_calls(principal: str | None, header: str | None, actor: str) -> None:
    found: list[str] = []

    def remember(call: Call) -> Answer:
        found.append(call.actor)
        return Answer(status=204)

    event: dict[str, Any] = {
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": EXECUTIONS,
            "authorizer": {} if principal is None else {"principalId": principal},
        },
        "pathParameters": {"tenantId": "123", "executionId": "123:d:1"},
        "multiValueQueryStringParameters": None,
        "headers": {} if header is None else {"x-sedo-actor": header},
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
    }
    path = EXECUTIONS + "/{executionId}/cancel"
    reply = respond(Route("POST", path, remember), Request(event), lambda: LocalApi().runtime)
    assert (reply.status_code, found) == (204, [actor])

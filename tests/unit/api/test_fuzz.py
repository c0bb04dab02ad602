"""Two invariants, over requests that nobody would write: no request makes a 500, and a refused one writes nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.local import EXAMPLE, LocalApi, Reply
from tests.unit.api.strategies import Request, as_json, changed_definitions, requests, values

FUZZ = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
JSON = "application/json"


def ask(api: LocalApi, method: str, path: str, body: bytes | None = None, content_type: str | None = JSON) -> Reply:
    """Send, and check both invariants of the answer."""
    before = api.store.writes
    reply = api.send(method, path, body, content_type)
    assert reply.status < 500, reply.text
    reply.text.encode()
    if reply.status >= 400 or method == "GET":
        assert api.store.writes == before
    if reply.status >= 400 and reply.status != 403:
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert {"detail", "status", "title", "type"} <= set(reply.json)
    return reply


@FUZZ
@given(st.lists(requests(), min_size=1, max_size=4))
def test_any_request(sent: list[Request]) -> None:
    api = LocalApi()
    ask(api, "POST", "definitions", as_json(EXAMPLE))
    for request in sent:
        ask(api, *request)


@FUZZ
@given(changed_definitions(), st.lists(st.one_of(st.just({"foo": "bar"}), values), min_size=1, max_size=3))
def test_any_definition_and_input(document: dict[str, Any], inputs: list[Any]) -> None:
    api = LocalApi()
    created = ask(api, "POST", "definitions", as_json(document))
    if created.status != 201:
        return
    definition_id = created.json["id"]
    assert ask(api, "GET", f"definitions/{definition_id}/schedule").status == 200
    for value in inputs:
        started = ask(api, "POST", f"definitions/{definition_id}/execute", as_json({"input": value}))
        if started.status == 202:
            execution_id = started.json["id"]
            assert ask(api, "GET", f"executions/{execution_id}").status == 200
            history = ask(api, "GET", f"executions/{execution_id}/history").json
            assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
            assert ask(api, "POST", f"executions/{execution_id}/cancel").status in (202, 409)
    assert ask(api, "GET", "executions").status == 200
    assert ask(api, "GET", f"definitions/{definition_id}").json["definition"] == json.loads(as_json(document))

"""Inputs of megabytes: taken, shown as far as an answer can hold them, and refused with what is allowed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.api.fitting import MAX_ANSWER_BYTES
from chalicelib.api.plain import Malformed, check
from tests.unit.api.local import LocalApi, Reply

PURE = {"id": "pure", "steps": [{"id": "a", "type": "pass", "end": True}]}
KEEP = {
    "id": "keep",
    "steps": [{"id": "a", "type": "pass", "stash": {"one": "${ input.one }", "two": "${ input.two }"}, "end": True}],
}
ITEMS = {
    "id": "items",
    "inputSchema": {
        "type": "array",
        "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
    },
    "steps": [{"id": "a", "type": "pass", "output": "${ length(input) }", "end": True}],
}


@pytest.fixture
def api() -> LocalApi:
    api = LocalApi()
    for definition in (PURE, KEEP, ITEMS):
        assert api.post("definitions", definition).status == 201
    return api


def started(api: LocalApi, definition_id: str, input: Any) -> str:
    body = json.dumps({"input": input}, ensure_ascii=False).encode()
    reply = api.post(f"definitions/{definition_id}/execute", body)
    assert reply.status == 202, reply.text[:1000]
    return str(reply.json["id"])


def wire_bytes(reply: Reply) -> int:
    return len(json.dumps(reply.text, ensure_ascii=False).encode())


def test_four_megabytes_of_text_are_taken_and_shown(api: LocalApi) -> None:
    text = "x" * (4 * 1024 * 1024)
    execution_id = started(api, "pure", text)
    found = api.get(f"executions/{execution_id}").json
    digest = found["output"]["$payload"]["digest"]
    assert found["input"] == text
    assert found["output"] == {"$payload": {"bytes": len(text) + 2, "digest": digest}}
    events = api.get(f"executions/{execution_id}/history").json
    assert events[0]["input"] == text
    references = [event[name] for event, name in zip(events[1:3], ("input", "output"), strict=True)]
    assert references == [found["output"]] * 2


def test_as_much_as_fits_is_shown_from_the_smallest_up(api: LocalApi) -> None:
    one, two = "é" * 1_300_000, "y" * 1_000_000
    found = api.get(f"executions/{started(api, 'keep', {'one': one, 'two': two})}").json
    assert found["stash"]["two"] == found["input"]["two"] == found["output"]["two"] == two
    assert [type(found[name]["one"]) for name in ("input", "output", "stash")] == [dict, dict, dict]


@pytest.mark.parametrize(
    "value", ['"' * 2_000_000, ["a"] * 400_000, [[1, "\n"]] * 100_000], ids=["quotes", "list", "rows"]
)
def test_no_answer_is_larger_than_lambda_may_answer(api: LocalApi, value: Any) -> None:
    execution_id = started(api, "pure", value)
    for path in (f"executions/{execution_id}", f"executions/{execution_id}/history", "executions"):
        reply = api.get(path)
        assert reply.status == 200
        assert wire_bytes(reply) <= MAX_ANSWER_BYTES


def test_a_page_of_history_is_shorter_where_even_small_values_are_too_much(api: LocalApi) -> None:
    steps: list[dict[str, Any]] = [
        {"id": f"s{i}", "type": "echo", "message": "x" * 60_000, "next": f"s{i + 1}"} for i in range(4)
    ]
    steps += [{"id": "s4", "type": "choice", "choices": [{"when": True, "next": "s0"}]}]
    api.post("definitions", {"id": "long", "maxTransitions": 100, "steps": steps})
    execution_id = started(api, "long", 1)
    seen: list[int] = []
    path = f"executions/{execution_id}/history?limit=500"
    while path:
        reply = api.get(path)
        assert wire_bytes(reply) <= MAX_ANSWER_BYTES
        seen += [event["seq"] for event in reply.json]
        link = reply.headers.get("Link")
        path = f"executions/{execution_id}/history{link[1:].partition('>')[0]}" if link else ""
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 10


def test_ten_thousand_items_pass_their_schema_quickly(api: LocalApi) -> None:
    items = [{"id": i, "name": f"item {i}", "tags": ["a", "b"], "at": {"x": 1.5, "y": None}} for i in range(10_000)]
    begun = time.process_time()
    found = api.get(f"executions/{started(api, 'items', items)}").json
    assert found["output"] == 10_000
    assert time.process_time() - begun < 10


def test_a_large_input_that_fails_its_schema_is_told_shortly(api: LocalApi) -> None:
    items: list[Any] = [{"id": i} for i in range(10_000)]
    items[9_999] = {"id": "x" * 100_000}
    reply = api.post("definitions/items/execute", {"input": items})
    assert reply.status == 400
    assert "$[9999].id" in reply.json["detail"]
    assert len(reply.text) < 40_000


def test_the_check_of_plain_values_is_fast_and_bounded() -> None:
    wide: Any = [0] * 19_000
    begun = time.process_time()
    check([[0] * 1000] * 400, 419_840)
    with pytest.raises(Malformed, match="too many values"):
        check([wide] * 19_000)
    assert time.process_time() - begun < 20

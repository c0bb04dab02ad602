"""Heads as items: exact both ways, small, and never read when they cannot be.

The sizes are what DynamoDB bills by: names and values of all attributes, in whole kilobytes for a write.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters import codec
from chalicelib.adapters.packing import pack, unpack
from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.execution import Execution, State
from tests.contract.samples import TRICKY_VALUES, cursor, events, head, run_of_pure_steps

NONCE = "0123456789abcdef"


def encoded(execution: Execution) -> dict[str, Any]:
    return dict(codec.encode_head(execution, NONCE, 4))


def size(item: dict[str, Any]) -> int:
    """Return an item's bytes by DynamoDB's rules."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        length = (len(content) + 1) // 2 + 1 if kind == "N" else len(content.encode() if kind == "S" else content)
        total += len(name) + length
    return total


def write_units(execution: Execution) -> int:
    return -(-size(encoded(execution)) // 1024)


def orders(i: int) -> dict[str, Any]:
    return {"orderId": 7_000 + i, "customer": f"c{i * 7919 % 1000}", "amount": i * 1.25}


@pytest.mark.parametrize("value", [lambda i: {"foo": "bar"}, orders], ids=["same", "changing"])
def test_ten_pure_steps_are_well_under_a_kilobyte(value: Any) -> None:
    assert size(encoded(run_of_pure_steps(10, value))) < 800


@pytest.mark.parametrize("value", [lambda i: {"foo": "bar"}, orders], ids=["same", "changing"])
def test_eighty_pure_steps_cost_at_most_two_write_units_more_than_ten(value: Any) -> None:
    ten, eighty = run_of_pure_steps(10, value), run_of_pure_steps(80, value)
    assert write_units(eighty) <= write_units(ten) + 2
    assert size(encoded(eighty)) <= size(encoded(ten)) + 2048


def test_a_large_value_that_recurs_is_stored_once() -> None:
    noise = random.Random(1).randbytes(3000).hex()
    once = size(encoded(run_of_pure_steps(0, lambda i: {"text": noise})))
    often = size(encoded(run_of_pure_steps(50, lambda i: {"text": noise})))
    assert often - once < 600


def test_a_part_of_a_large_value_that_recurs_is_stored_once_however_far_apart() -> None:
    noise = random.Random(1).randbytes(40_000).hex()
    part = {"reservation": noise}
    execution = head(input={"a": part}, stash={"b": {"c": [part]}}, output=part, cursors=(cursor(input=part),))
    assert size(encoded(execution)) < 50_000
    assert codec.decode_head(encoded(execution)) == execution


def test_attributes_say_what_indexes_and_people_need() -> None:
    execution = head("123", suffix="f5c125a5", step="wait-some-time", due_at_ms=1_795_000_045_000)
    item = encoded(replace(execution, state=State.STARTED))
    shard = item["dueShard"]["S"]
    assert {name: value for name, value in item.items() if name != "body"} == {
        "id": {"S": "123:example-definition:f5c125a5"},
        "tenantId": {"S": "123"},
        "state": {"S": "StepStarted"},
        "step": {"S": "wait-some-time"},
        "version": {"N": "1"},
        "nonce": {"S": NONCE},
        "format": {"N": "2"},
        "tenantKey": {"S": f"123#live#{shard}"},
        "startedKey": {"S": "001795000000000#123:example-definition:f5c125a5"},
        "dueShard": {"S": shard},
        "dueKey": {"S": "001795000045000#w#123:example-definition:f5c125a5"},
    }


def test_an_ended_head_is_in_no_due_index() -> None:
    item = encoded(run_of_pure_steps(2))
    assert "dueKey" not in item
    assert "dueShard" not in item
    assert item["tenantKey"]["S"].startswith("123#ExecutionSucceeded#")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.just("~"), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(json_values, json_values)
def test_any_values_come_back_exactly(one: Any, two: Any) -> None:
    long = "x" * 120
    execution = head(
        input=one,
        output=[one, two, {"long": long, "one": one}],
        stash={"two": two, "again": {"long": long, "one": one}, "~": [long, long]},
        cursors=(cursor(input={"~": two}),),
        events=events(1, 3),
    )
    assert repr(codec.decode_head(encoded(execution))) == repr(execution)


def test_values_deeper_than_any_walk_come_back() -> None:
    deep: Any = {"~": "x" * 200}
    for _ in range(150):
        deep = [deep]
    execution = head(input=deep, output=deep, stash={"a": deep})
    assert codec.decode_head(encoded(execution)) == execution


def test_documents_and_chunks_come_back() -> None:
    assert repr(codec.decode_document(codec.encode_document(TRICKY_VALUES))) == repr(TRICKY_VALUES)
    assert codec.decode_events("x", codec.encode_events("x", events(5, 90))) == events(5, 90)
    assert codec.decode_events("x", codec.encode_events("x", ())) == ()
    apart = (*events(1, 2), *events(7, 8))
    assert codec.decode_events("x", codec.encode_events("x", apart)) == apart


# Written once by marker 1 and kept: whoever changes layout or dictionary must give them a new marker.
WRITTEN_BEFORE = "AXj59N+sGlOqGCCgxAV0VCLQ5dVKdUC/1MYCQxkUzWCODoZzU8AJHyipVB2jVBcDDPhaUF4JBubfYEhqUIoFAKhfUfU="


def test_what_was_written_before_is_still_read() -> None:
    value = unpack(base64.b64decode(WRITTEN_BEFORE), "123:d:1")
    assert value == [{"a": ["x" * 120], "b": "x" * 120, "definition_id": "d"}, {"~": 1}, "StepStarted"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": {"N": "3"}},
        {"format": {"S": "1"}},
        {"format": {"N": "x"}},
        {"body": {"B": b""}},
        {"body": {"B": b"\x02abc"}},
        {"body": {"B": b"\x01abc"}},
        {"body": {"S": "text"}},
        {"body": None},
        {"id": {"S": "123:d:other"}},
        {"state": {"S": "Asleep"}},
        {"version": {"N": "one"}},
        {"body": {"B": pack([], (), "123:example-definition:f5c125a5")}},
        {"body": {"B": pack([{}, []], (), "123:example-definition:f5c125a5")}},
        {
            "body": {
                "B": pack([{}, [[1], [0], [99], ["a"], [0], [0], [1], [{}]]], (), "123:example-definition:f5c125a5")
            }
        },
        {"body": {"B": pack("text", (), "123:example-definition:f5c125a5")}},
        {"body": {"B": b"\x01" + zlib.compress(json.dumps([{}, []]).encode())}},
    ],
)
def test_what_cannot_be_read_says_so(change: dict[str, Any]) -> None:
    item = encoded(run_of_pure_steps(2)) | change
    with pytest.raises(UnsupportedHead):
        codec.decode_head(item)


def test_a_head_without_members_cannot_be_read() -> None:
    item = encoded(run_of_pure_steps(2))
    for name in ("id", "tenantId", "state", "version", "format", "body"):
        with pytest.raises(UnsupportedHead):
            codec.decode_head({key: value for key, value in item.items() if key != name})


def test_every_cut_and_every_flipped_byte_of_a_body_is_noticed() -> None:
    item = encoded(run_of_pure_steps(3))
    body = item["body"]["B"]
    for place in range(len(body)):
        broken = body[:place] + bytes((body[place] ^ 0x41,)) + body[place + 1 :]
        for blob in (body[:place], broken):
            with pytest.raises(UnsupportedHead):
                codec.decode_head(item | {"body": {"B": blob}})


def test_what_no_item_can_hold_is_refused_before_it_is_sent() -> None:
    noise = random.Random(1).randbytes(450_000).hex()
    with pytest.raises(codec.TooLarge):
        codec.encode_head(head(input=noise), NONCE, 4)
    with pytest.raises(codec.TooLarge):
        codec.encode_document({"id": noise})

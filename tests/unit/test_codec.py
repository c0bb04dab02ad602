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
from chalicelib.adapters.packing import MARKER_WITH_TABLE, pack, unpack
from chalicelib.adapters.references import Reference, references_in, value_of
from chalicelib.adapters.taking import Taking
from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import HistoryEvent
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
    taking = Taking()
    item = dict(codec.encode_head(execution, NONCE, 4, taking))
    assert size(item) < 800
    assert [len(blob) for blob in taking.blobs.values()] == [pytest.approx(40_000, rel=0.2)]
    reference = next(references_in(codec.decode_head(item).input))
    found = {digest: value_of(reference, blob) for digest, blob in taking.blobs.items()}
    assert codec.open_head(item).execution(found) == execution


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


def both_ways(execution: Execution) -> tuple[Execution, dict[str, bytes]]:
    """Encode, and decode with what was taken out; then once more what was read without it."""
    taking, again = Taking(), Taking()
    item = dict(codec.encode_head(execution, NONCE, 4, taking))
    wanted = {one.digest: one for one in codec.open_head(item).references()}
    assert set(taking.blobs) == set(wanted)
    found = {digest: value_of(wanted[digest], blob) for digest, blob in taking.blobs.items()}
    assert codec.encode_head(codec.decode_head(item), NONCE, 4, again) == item, "written as it was read"
    assert again.blobs == {}
    return codec.open_head(item).execution(found), taking.blobs


def noise(seed: int, length: int) -> str:
    return random.Random(seed).randbytes(length // 2).hex()


def test_small_values_are_packed_as_ever() -> None:
    execution = head(input={"a": noise(1, 3000)}, stash={"b": {"~": noise(2, 4000)}})
    assert encoded(execution)["body"]["B"][0] == 1
    assert both_ways(execution) == (execution, {})


def test_what_is_large_but_packs_small_stays() -> None:
    execution = head(input=["x" * 1000] * 60)
    assert both_ways(execution) == (execution, {})
    assert len(both_ways(head(input=["x" * 1000] * 80))[1]) == 1


def test_members_of_one_shape_do_not_exchange_what_was_taken_out() -> None:
    answers = {str(i): {"status": 200, "headers": {"a": "x" * 120}, "body": noise(i, 9000)} for i in range(5)}
    execution = head(stash=answers, input=answers["3"], output=[answers["1"], answers["1"]["body"]])
    found, blobs = both_ways(execution)
    assert repr(found) == repr(execution)
    assert len(blobs) == 5, "one for each body, wherever it stands"


def test_events_keep_references_and_carry_them_into_chunks() -> None:
    big = {"order": 7, "text": noise(1, 50_000)}
    details: dict[str, Any] = {"input": big, "output": {"~": big["text"]}, "small": {"~": 1}}
    happened = (HistoryEvent(1, 1, "StepStarted", "s", 1, 1, details),)
    taking = Taking()
    item = dict(codec.encode_head(head(input=big, events=happened), NONCE, 4, taking))
    opened = codec.open_head(item)
    assert len(taking.blobs) == len(opened.wanted()) == 1
    execution = opened.execution({opened.wanted()[0].digest: big["text"]})
    assert execution.input == big
    reference = execution.events[0].details["input"]["text"]
    assert isinstance(reference, Reference)
    assert reference == {"$payload": {"bytes": 50_002, "digest": opened.wanted()[0].digest}}
    in_chunk, from_raw = Taking(), Taking()
    chunk = codec.encode_events(execution.id, execution.events, in_chunk)
    assert in_chunk.blobs == {}
    assert chunk == codec.encode_events(execution.id, happened, from_raw)
    assert from_raw.blobs == taking.blobs
    assert codec.decode_events(execution.id, chunk) == execution.events


def test_a_users_object_that_looks_like_a_reference_is_none() -> None:
    like = {"$payload": {"bytes": 3, "digest": "abc"}}
    execution = head(input=like, stash={"a": [like, noise(1, 9000)]}, output={"b": like, "c": noise(2, 9000)})
    found, blobs = both_ways(execution)
    assert found == execution
    assert len(blobs) == 2
    assert type(found.input) is dict


def test_a_stash_of_many_values_that_are_small_alone_is_one_payload() -> None:
    execution = head(stash={f"s{i}": noise(i, 3000) for i in range(100)})
    found, blobs = both_ways(execution)
    assert found == execution
    assert len(blobs) == 1
    assert size(encoded(execution)) < 1024


def test_events_too_many_for_an_item_leave_even_what_is_hardly_large() -> None:
    happened = [HistoryEvent(i, i, "StepStarted", "s", i, 1, {"input": noise(i, 3500)}) for i in range(1, 301)]
    execution = head(events=tuple(happened), seq=300)
    taking = Taking()
    item = dict(codec.encode_head(execution, NONCE, 4, taking))
    assert size(item) < 60_000
    assert len(taking.blobs) == 300


def test_a_missing_payload_is_told_from_a_damaged_head() -> None:
    opened = codec.open_head(encoded(head(input=noise(1, 9000))))
    with pytest.raises(UnsupportedHead, match=r"payload .* is missing or damaged"):
        opened.execution({})


@pytest.mark.parametrize("blob", [b"", b"x", zlib.compress(b"1"), zlib.compress(b" " * 10**7)])
def test_bytes_that_are_not_the_payloads_are_never_taken_for_it(blob: bytes) -> None:
    reference = codec.open_head(encoded(head(input=noise(1, 9000)))).references()[0]
    with pytest.raises(UnsupportedHead, match="damaged"):
        value_of(reference, blob)


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
        {"body": {"B": b"\x03abc"}},
        {"body": {"B": pack([], (), "123:example-definition:f5c125a5", MARKER_WITH_TABLE)}},
        {"body": {"B": pack([[["a", 1, 1, [[0, "no", 1]]]], [{}, []]], (), "123:example-definition:f5c125a5", 2)}},
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
    pieces = {noise[i : i + 200]: noise[-i - 200 : -i] for i in range(200, 890_000, 200)}
    many = [HistoryEvent(i, i, "StepStarted", key, i, 1, {}) for i, key in enumerate(pieces, 1)]
    with pytest.raises(codec.TooLarge):
        codec.encode_head(head(events=tuple(many)), NONCE, 4)
    with pytest.raises(codec.TooLarge):
        codec.encode_document({"id": noise})

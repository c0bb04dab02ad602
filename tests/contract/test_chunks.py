"""History chunks: keyed by their last seq, readable in any order of writing, without doubles."""

from __future__ import annotations

import random

from chalicelib.engine.history import HistoryEvent
from tests.contract.backends import Backend
from tests.contract.samples import START_MS, TRICKY_VALUES, events, head


def seqs(found: list[HistoryEvent]) -> list[int]:
    return [event.seq for event in found]


def test_events_come_back_as_they_were(backend: Backend, tenant: str) -> None:
    written = (
        *events(1, 4),
        HistoryEvent(5, START_MS + 7, "ExecutionSubmitted", details={"input": TRICKY_VALUES}),
        HistoryEvent(6, START_MS + 3, "SomethingOfLater", step=None, visit=9, attempt=None, details={}),
    )
    backend.store.put_chunk(head(tenant), written)
    assert repr(backend.store.load_chunks(head(tenant), 0, 10)) == "[]"
    execution = head(tenant)
    backend.store.put_chunk(execution, written)
    assert repr(backend.store.load_chunks(execution, 0, 10)) == repr(list(written))


def test_reading_goes_on_after_any_event(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    for first, last in ((1, 5), (6, 6), (7, 20)):
        backend.store.put_chunk(execution, events(first, last))
    for after_seq in range(22):
        for limit in (1, 4, 50):
            found = seqs(backend.store.load_chunks(execution, after_seq, limit))
            expected = list(range(after_seq + 1, 21))
            assert found == expected[: len(found)]
            assert len(found) >= min(limit, len(expected))


def test_writing_again_changes_nothing(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.put_chunk(execution, events(1, 6))
    backend.store.put_chunk(execution, events(1, 6))
    assert seqs(backend.store.load_chunks(execution, 0, 50)) == [1, 2, 3, 4, 5, 6]


def test_a_shorter_chunk_with_the_same_end_cuts_nothing(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.put_chunk(execution, events(1, 6))
    backend.store.put_chunk(execution, events(4, 6))
    assert seqs(backend.store.load_chunks(execution, 0, 50)) == [1, 2, 3, 4, 5, 6]
    backend.store.put_chunk(execution, events(7, 9))
    backend.store.put_chunk(execution, events(2, 9))
    assert seqs(backend.store.load_chunks(execution, 6, 50)) == [7, 8, 9]


def test_overlapping_chunks_written_in_any_order_drop_doubles(backend: Backend, tenant: str) -> None:
    pieces = [(1, 4), (1, 6), (5, 9), (5, 7), (10, 12), (8, 12), (1, 2)]
    for seed in range(4):
        execution = head(tenant)
        random.Random(seed).shuffle(pieces)
        for first, last in pieces:
            backend.store.put_chunk(execution, events(first, last))
        assert seqs(backend.store.load_chunks(execution, 0, 50)) == list(range(1, 13))
        assert seqs(backend.store.load_chunks(execution, 0, 3))[:3] == [1, 2, 3]


def test_more_chunks_than_one_page_are_read(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    for last in range(2, 41, 2):
        backend.store.put_chunk(execution, events(last - 1, last))
    assert seqs(backend.store.load_chunks(execution, 0, 100)) == list(range(1, 41))
    assert seqs(backend.store.load_chunks(execution, 30, 3))[:3] == [31, 32, 33]


def test_nothing_is_no_chunk(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.put_chunk(execution, ())
    assert backend.store.load_chunks(execution, 0, 5) == []


def test_a_chunk_beyond_one_item_is_taken(backend: Backend, tenant: str) -> None:
    noise = random.Random(1)
    execution = head(tenant)
    heavy = [
        HistoryEvent(seq, START_MS + seq, "StepSucceeded", "s", seq, 1, {"output": noise.randbytes(60_000).hex()})
        for seq in range(1, 11)
    ]
    backend.store.put_chunk(execution, heavy)
    found = backend.store.load_chunks(execution, 0, 50)
    assert backend.store.resolve(execution.id, [e.details for e in found], 10**7) == [e.details for e in heavy]
    assert seqs(found) == seqs(heavy)

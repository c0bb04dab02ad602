"""The due index: every head that somebody must look at, by its moment, and no other."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from chalicelib.ports import DueEntry
from tests.contract.backends import Backend
from tests.contract.samples import after, cursor, ended, head

_TESTS = count(1)


def due(backend: Backend, tenant: str, before_ms: int, limit: int = 10_000) -> list[DueEntry]:
    found = list(backend.store.due(before_ms, limit))
    return [entry for entry in found if entry.execution_id.startswith(f"{tenant}:")]


@pytest.fixture
def moment() -> int:
    """A time before that of every earlier test, so that what they left is not in the way."""
    return 10**11 - next(_TESTS) * 10**6


def test_what_is_due_before_a_moment_is_found(backend: Backend, tenant: str, moment: int) -> None:
    heads = [head(tenant, suffix=f"{i}", due_at_ms=moment + i) for i in range(8)]
    for execution in heads:
        backend.store.commit(execution, "n1")
    found = due(backend, tenant, moment + 5)
    assert sorted(entry.due_at_ms for entry in found) == [moment + i for i in range(5)], (
        "the moment itself is not before"
    )
    assert {entry.execution_id for entry in found} == {execution.id for execution in heads[:5]}


def test_each_shard_gives_its_earliest_first_and_no_more_than_asked(backend: Backend, tenant: str, moment: int) -> None:
    for i in range(24):
        backend.store.commit(head(tenant, suffix=f"{i}", due_at_ms=moment + (i * 7) % 24), "n1")
    everything = due(backend, tenant, moment + 100)
    assert len(everything) == 24
    descents = sum(a.due_at_ms > b.due_at_ms for a, b in pairwise(everything))
    assert descents <= 3, "four shards, each in order"
    first = due(backend, tenant, moment + 100, limit=1)
    assert 1 <= len(first) <= 4
    assert min(everything, key=lambda entry: entry.due_at_ms) in first


def test_a_commit_moves_the_entry_and_an_end_takes_it_away(backend: Backend, tenant: str, moment: int) -> None:
    execution = head(tenant, due_at_ms=moment)
    backend.store.commit(execution, "n1")
    execution = after(execution, due_at_ms=moment + 50)
    backend.store.commit(execution, "n2")
    assert due(backend, tenant, moment + 50) == []
    assert due(backend, tenant, moment + 51) == [DueEntry(execution.id, moment + 50, watchdog=True)]
    backend.store.commit(ended(execution), "n3")
    assert due(backend, tenant, moment + 10_000) == []


def test_timers_are_told_from_watchdogs(backend: Backend, tenant: str, moment: int) -> None:
    plain = head(tenant, suffix="w", due_at_ms=moment, cursors=(cursor(watch_at_ms=moment),))
    long_wait = head(tenant, suffix="t", due_at_ms=moment + 1, cursors=(cursor(due_at_ms=moment + 1, in_index=True),))
    timeout = head(tenant, suffix="d", due_at_ms=moment + 2, deadline_at_ms=moment + 2)
    for execution in (plain, long_wait, timeout):
        backend.store.commit(execution, "n1")
    found = {entry.execution_id[-1]: entry.watchdog for entry in due(backend, tenant, moment + 10)}
    assert found == {"w": True, "t": False, "d": False}


def test_a_lost_race_leaves_the_index_as_it_was(backend: Backend, tenant: str, moment: int) -> None:
    execution = head(tenant, due_at_ms=moment)
    backend.store.commit(execution, "n1")
    backend.store.commit(head(tenant, suffix=execution.id.split(":")[2], due_at_ms=moment + 1), "n2")
    assert [entry.due_at_ms for entry in due(backend, tenant, moment + 10)] == [moment]

"""Heads: what is committed is read back as it was, and of two writers exactly one wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import HistoryEvent
from chalicelib.ports import Committed, Conflict
from tests.contract.backends import Backend
from tests.contract.samples import START_MS, TRICKY_VALUES, after, cursor, ended, events, head, run_of_pure_steps


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: 1 is not 1.0 and not True."""
    return repr(left) == repr(right)


def loaded(backend: Backend, execution_id: str) -> Any:
    return backend.store.load([execution_id]).get(execution_id)


def test_a_committed_head_is_read_back_at_once(backend: Backend, tenant: str) -> None:
    execution = head(tenant, cursors=(cursor(), cursor(path="fan/0", in_index=True, timeout_at_ms=17)))
    assert backend.store.commit(execution, "n1") == Committed()
    assert loaded(backend, execution.id) == execution


def test_every_member_survives(backend: Backend, tenant: str) -> None:
    full = head(
        tenant,
        name="order-7",
        state=State.FAILED,
        step="reserve",
        error={"name": "Http.500", "cause": "no", "step": "reserve"},
        stash={"reservation": {"id": 7}},
        ended_at_ms=START_MS + 5,
        deadline_at_ms=START_MS + 6,
        due_at_ms=None,
        by="0123456789abcdef",
        chunks=2,
        sends=3,
        data_bytes=70_000,
        retention_days=7,
    )
    backend.store.commit(full, "n1")
    assert same(loaded(backend, full.id), full)


@pytest.mark.parametrize("name", TRICKY_VALUES)
def test_values_keep_their_exact_type_and_text(backend: Backend, tenant: str, name: str) -> None:
    value = TRICKY_VALUES[name]
    execution = head(
        tenant,
        input=value,
        output={"a": value, "b": [value, "x" * 200]},
        stash={"s": value, "again": {"b": [value, "x" * 200]}},
        cursors=(cursor(input=value),),
        events=(HistoryEvent(1, 1, "StepStarted", "s", 1, 1, {"input": value, "more": {"b": [value, "x" * 200]}}),),
    )
    backend.store.commit(execution, "n1")
    found = loaded(backend, execution.id)
    for member in ("input", "output", "stash", "cursors"):
        assert same(getattr(found, member), getattr(execution, member))
    assert same(found.events[0].details, execution.events[0].details)


def test_what_is_loaded_is_a_copy(backend: Backend, tenant: str) -> None:
    execution = head(tenant, stash={"a": [1]})
    backend.store.commit(execution, "n1")
    loaded(backend, execution.id).stash["a"].append(2)
    execution.stash["a"].append(3)
    assert loaded(backend, execution.id).stash == {"a": [1]}


def test_only_events_after_the_flushed_ones_are_kept(backend: Backend, tenant: str) -> None:
    execution = head(tenant, events=events(1, 6), seq=6, flushed_seq=4)
    backend.store.commit(execution, "n1")
    assert [event.seq for event in loaded(backend, execution.id).events] == [5, 6]


def test_a_second_first_version_is_a_conflict_with_what_is_there(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.commit(execution, "n1")
    assert backend.store.commit(replace(execution, input={"other": 1}), "n2") == Conflict(execution)
    assert loaded(backend, execution.id) == execution


def test_a_version_that_is_not_the_next_is_a_conflict(backend: Backend, tenant: str) -> None:
    first = head(tenant)
    backend.store.commit(first, "n1")
    second = after(first, step="a")
    assert backend.store.commit(after(second), "n2") == Conflict(first)
    assert backend.store.commit(second, "n3") == Committed()
    assert backend.store.commit(after(first, step="b"), "n4") == Conflict(second)
    assert backend.store.commit(replace(first, step="c"), "n5") == Conflict(second)


def test_a_later_version_of_nothing_is_a_conflict_with_nothing(backend: Backend, tenant: str) -> None:
    assert backend.store.commit(after(head(tenant)), "n1") == Conflict(None)


def test_the_same_commit_again_is_a_success_by_its_nonce(backend: Backend, tenant: str) -> None:
    first = head(tenant)
    assert backend.store.commit(first, "n1") == Committed()
    assert backend.store.commit(first, "n1") == Committed()
    second = after(first, step="a")
    assert backend.store.commit(second, "n2") == Committed()
    assert backend.store.commit(second, "n2") == Committed()
    assert backend.store.commit(first, "n1") == Conflict(second), "by now somebody else has written"


def test_of_two_threads_exactly_one_wins(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.commit(execution, "n0")
    for _ in range(5):
        barrier = Barrier(2)
        candidates = [after(execution, step=name) for name in ("left", "right")]

        def race(candidate: Execution, barrier: Barrier = barrier) -> Committed | Conflict:
            barrier.wait()
            return backend.store.commit(candidate, f"n-{candidate.step}-{candidate.version}")

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(race, candidates))
        winners = [c for c, outcome in zip(candidates, outcomes, strict=True) if outcome == Committed()]
        assert len(winners) == 1
        execution = winners[0]
        assert [outcome for outcome in outcomes if isinstance(outcome, Conflict)] == [Conflict(execution)]


def test_many_are_loaded_in_one_call_and_unknown_ones_are_missing(backend: Backend, tenant: str) -> None:
    heads = [head(tenant, suffix=f"{i:03d}") for i in range(4)]
    for execution in heads:
        backend.store.commit(execution, "n")
    unknown = [f"{tenant}:example-definition:unknown-{i}" for i in range(96)]
    found = backend.store.load([execution.id for execution in heads] + unknown)
    assert found == {execution.id: execution for execution in heads}
    assert backend.store.load([heads[0].id, heads[0].id]) == {heads[0].id: heads[0]}
    assert backend.store.load([]) == {}


def test_a_head_of_a_later_format_is_an_error_of_its_own(backend: Backend, tenant: str) -> None:
    healthy = head(tenant)
    backend.store.commit(healthy, "n")
    damaged = f"{tenant}:example-definition:damaged"
    backend.damage(damaged, tenant)
    found = backend.store.load([healthy.id, damaged])
    assert found[healthy.id] == healthy
    assert isinstance(found[damaged], UnsupportedHead)


def test_a_commit_over_a_head_of_a_later_format_changes_nothing_and_says_why(backend: Backend, tenant: str) -> None:
    execution = head(tenant, suffix="damaged")
    backend.damage(execution.id, tenant)
    with pytest.raises(UnsupportedHead):
        backend.store.commit(execution, "n1")
    assert isinstance(loaded(backend, execution.id), UnsupportedHead)


def test_a_long_history_and_large_values_fit(backend: Backend, tenant: str) -> None:
    execution = replace(run_of_pure_steps(80, lambda i: {"order": i, "text": "x" * 60_000}), id=f"{tenant}:d:large")
    execution = replace(execution, tenant_id=tenant, definition_id="d")
    assert backend.store.commit(execution, "n1") == Committed()
    found = loaded(backend, execution.id)
    assert found == execution
    assert backend.store.commit(ended(execution), "n2") == Committed()

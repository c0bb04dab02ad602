"""Expiry: what has ended goes after its time with all that belongs to it, what lives never does, and names are free."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from chalicelib.engine.execution import Execution, State
from chalicelib.ports import Committed, Conflict
from tests.contract.backends import Backend
from tests.contract.samples import after, ended, events, head

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def same_time_afterwards(backend: Backend) -> object:
    """The memory's clock is one for all."""
    now = getattr(backend, "now", None)
    yield
    if now is not None:
        backend.store_at(now)


def noise(seed: int) -> str:
    return random.Random(seed).randbytes(20_000).hex()


def finished(backend: Backend, execution: Execution) -> Execution:
    """Commit a head and its end; return the end."""
    backend.store.commit(execution, "n1")
    end = ended(execution)
    assert backend.store.commit(end, "n2") == Committed()
    return end


@pytest.mark.parametrize(("days", "kept"), [(None, 90), (3, 3)])
def test_an_ended_head_is_unknown_after_its_time(backend: Backend, tenant: str, days: int | None, kept: int) -> None:
    end = finished(backend, head(tenant, retention_days=days))
    assert end.ended_at_ms is not None
    moment = end.ended_at_ms + kept * DAY_MS
    still = backend.store_at(moment - 1000)
    assert still.load([end.id]) == {end.id: end}
    gone = backend.store_at(moment + 1000)
    assert gone.load([end.id]) == {}
    assert gone.list_executions(tenant, 10).items == []
    assert gone.commit(after(end), "n3") == Conflict(None) or gone.load([end.id]) == {}


def test_one_that_lives_never_expires(backend: Backend, tenant: str) -> None:
    execution = head(tenant, retention_days=1, input=noise(1))
    backend.store.commit(execution, "n1")
    backend.store.put_chunk(execution, events(1, 3))
    much_later = backend.store_at(execution.started_at_ms + 10_000 * DAY_MS)
    assert much_later.load([execution.id]) == {execution.id: execution}
    assert backend.expiries(execution.id) == {None}


def test_chunks_and_payloads_expire_with_their_head(backend: Backend, tenant: str) -> None:
    execution = head(tenant, retention_days=5, input=noise(2), stash={"a": noise(3)})
    backend.store.put_chunk(execution, events(1, 4))
    end = finished(backend, execution)
    assert backend.expiries(end.id) == {None}
    for _ in range(2):
        backend.store.stamp_expiry(end)
        assert end.ended_at_ms is not None
        assert backend.expiries(end.id) == {end.ended_at_ms // 1000 + 5 * 86_400}
    alive = replace(end, state=State.STARTED, ended_at_ms=None, version=end.version + 1)
    backend.store.stamp_expiry(alive)
    assert backend.expiries(end.id) == {None}, "one that lives again"
    backend.store.stamp_expiry(end)
    assert backend.expiries(end.id) == {None}, "whatever a slow process of its life before still does"


def test_nothing_to_stamp_is_fine(backend: Backend, tenant: str) -> None:
    backend.store.stamp_expiry(finished(backend, head(tenant)))


def test_what_has_expired_can_be_started_again_and_nothing_of_it_is_seen(backend: Backend, tenant: str) -> None:
    old = head(tenant, suffix="a-name", retention_days=1, input=noise(4), events=events(7, 9), seq=9, flushed_seq=6)
    backend.store.put_chunk(old, events(1, 6))
    end = finished(backend, old)
    new_start = old.started_at_ms + 2 * DAY_MS
    new = replace(old, started_at_ms=new_start, stash={"new": noise(5)}, events=events(1, 2, new_start), flushed_seq=0)
    again = backend.store_at(end.started_at_ms + 1000)
    assert again.commit(new, "n3") == Conflict(end), "not before its time"
    later = backend.store_at(new_start)
    assert later.commit(new, "n4") == Committed()
    assert later.commit(new, "n4") == Committed()
    assert later.load([new.id]) == {new.id: new}
    assert [item.id for item in later.list_executions(tenant, 10).items] == [new.id]
    assert later.load_chunks(new, 0, 10) == []
    later.put_chunk(new, events(1, 6, new_start))
    assert later.load_chunks(new, 0, 10) == list(events(1, 6, new_start))
    later.stamp_expiry(end)
    later.stamp_expiry(new)
    assert backend.expiries(new.id) == {None}

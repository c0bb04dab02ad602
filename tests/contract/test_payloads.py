"""Payloads: values far beyond what an item holds come back as they were; who needs none reads none."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from chalicelib.engine import values
from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.history import HistoryEvent
from chalicelib.ports import Committed, Conflict
from tests.contract.backends import Backend
from tests.contract.samples import START_MS, after, cursor, ended, head

MOST = values.MAX_VALUE_BYTES


def noise(seed: int, length: int = MOST - 2) -> str:
    """Text that does not pack well: of 4 MB about 2 are left."""
    return random.Random(seed).randbytes(length // 2).hex()


def event(seq: int, **details: Any) -> HistoryEvent:
    return HistoryEvent(seq, START_MS + seq, "StepSucceeded", "s", seq, 1, details)


def loaded(backend: Backend, execution: Execution) -> Execution:
    found = backend.store.load([execution.id])[execution.id]
    assert isinstance(found, Execution), found
    return found


def test_values_of_4_mb_come_back_in_input_output_stash_cursor_and_history(backend: Backend, tenant: str) -> None:
    one, two = noise(1), {"list": [noise(i, 400) for i in range(10_000)], "~": [1.0, None]}
    execution = head(
        tenant,
        input=one,
        output={"status": 200, "body": two},
        stash={"a": one, "b": {"c": two}, "small": {"~": 1}},
        cursors=(cursor(input=two),),
        events=(event(1, input=one), event(2, output={"status": 200, "body": two})),
        seq=2,
    )
    assert backend.store.commit(execution, "n1") == Committed()
    found = loaded(backend, execution)
    for member in ("input", "output", "stash", "cursors"):
        assert repr(getattr(found, member)) == repr(getattr(execution, member)), member
    shown = backend.store.resolve(execution.id, [e.details for e in found.events], 10**8)
    assert repr(shown) == repr([e.details for e in execution.events])
    backend.store.put_chunk(found, found.events)
    chunk = backend.store.load_chunks(found, 0, 10)
    assert repr(backend.store.resolve(execution.id, [e.details for e in chunk], 10**8)) == repr(shown)
    sizes = [size for _, size in backend.payload_items(execution.id)]
    assert 4_000_000 < sum(sizes) < 5_000_000, "each of the two values once"


def test_what_is_stored_is_not_stored_again(backend: Backend, tenant: str) -> None:
    execution = head(tenant, input=noise(3, 900_000), events=(event(1, input=noise(3, 900_000)),))
    backend.store.commit(execution, "n1")
    before = sorted(backend.payload_items(execution.id))
    found = loaded(backend, execution)
    backend.break_payloads(execution.id, lose=True)
    backend.store.commit(after(found, step="a"), "n2")
    stored_again = backend.payload_items(execution.id)
    assert stored_again == [] or sorted(stored_again) == before, "the memory's store does not remember, and need not"


def test_events_stand_as_references_that_can_be_committed_again(backend: Backend, tenant: str) -> None:
    big = noise(4, 30_000)
    execution = head(tenant, input={"a": 1}, events=(event(1, output={"body": big}, more=big),))
    backend.store.commit(execution, "n1")
    first = loaded(backend, execution)
    assert first.events[0].details["output"]["body"].keys() == {"$payload"}
    assert first.events[0].details["more"]["$payload"]["bytes"] == 30_002
    second = after(first, step="next", stash={"text": big})
    assert backend.store.commit(second, "n2") == Committed()
    third = loaded(backend, second)
    assert third == second
    assert backend.store.resolve(execution.id, third.events[0].details, 10**6) == execution.events[0].details


def test_a_head_that_is_not_whole_can_be_committed_again(backend: Backend, tenant: str) -> None:
    big = noise(5, 50_000)
    execution = head(tenant, input=big, stash={"a": {"b": big}}, cursors=(cursor(input=[big]),))
    backend.store.commit(execution, "n1")
    light = backend.store.load([execution.id], whole=False)[execution.id]
    assert isinstance(light, Execution)
    assert light.input["$payload"]["bytes"] == 50_002
    assert light.input == light.stash["a"]["b"] == light.cursors[0].input[0]
    assert backend.store.commit(after(light, step="x"), "n2") == Committed()
    assert loaded(backend, execution) == after(execution, step="x")


def test_resolving_takes_the_small_ones_first_and_says_what_it_leaves_out(backend: Backend, tenant: str) -> None:
    small, large = noise(6, 10_000), noise(7, 1_000_000)
    execution = head(tenant, input=large, stash={"s": small, "t": [small]})
    backend.store.commit(execution, "n1")
    light = backend.store.load([execution.id], whole=False)[execution.id]
    assert isinstance(light, Execution)
    asked = {"input": light.input, "stash": light.stash, "n": 1}

    def resolved(max_bytes: int) -> Any:
        return backend.store.resolve(execution.id, asked, max_bytes)

    assert resolved(9_000) == asked
    assert resolved(500_000) == asked | {"stash": execution.stash}
    assert resolved(2_000_000) == {"input": large, "stash": execution.stash, "n": 1}
    once = resolved(10_002)["stash"]
    assert (once["s"], once["t"][0].keys()) == (small, {"$payload"})


def test_lists_read_no_payloads(backend: Backend, tenant: str) -> None:
    execution = head(tenant, input=noise(8, 20_000), step="there")
    backend.store.commit(execution, "n1")
    backend.break_payloads(execution.id, lose=True)

    def there() -> list[Any]:
        page = backend.store.list_executions(tenant, 10)
        return [(item.id, item.state, item.step) for item in page.items]

    backend.let_pass(0)
    assert there() == [(execution.id, State.SUBMITTED, "there")]


@pytest.mark.parametrize("lose", [True, False])
def test_payloads_that_are_lost_or_damaged_are_an_error_of_their_head_alone(
    backend: Backend, tenant: str, lose: bool
) -> None:
    broken, healthy = (head(tenant, input=noise(seed, 500_000)) for seed in (9, 10))
    for execution in (broken, healthy):
        backend.store.commit(execution, "n1")
    backend.break_payloads(broken.id, lose=lose)
    found = backend.store.load([broken.id, healthy.id])
    assert isinstance(found[broken.id], UnsupportedHead)
    assert found[healthy.id] == healthy
    light = backend.store.load([broken.id], whole=False)[broken.id]
    assert isinstance(light, Execution)
    with pytest.raises(UnsupportedHead, match="damaged"):
        backend.store.resolve(broken.id, light.input, 10**6)
    assert backend.store.commit(ended(light, State.CANCELLED), "n2") == Committed(), "it can still be ended"


def test_of_two_that_race_with_payloads_the_loser_sees_the_winners(backend: Backend, tenant: str) -> None:
    execution = head(tenant, input=noise(11, 100_000))
    backend.store.commit(execution, "n0")
    for turn in range(3):
        barrier = Barrier(2)
        both = [after(execution, stash={"mine": noise(20 + 2 * turn + i, 600_000)}) for i in range(2)]

        def race(number: int, barrier: Barrier = barrier, both: list[Execution] = both) -> Committed | Conflict:
            barrier.wait()
            return backend.store.commit(both[number], f"n{number}-{both[number].version}")

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(race, range(2)))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Committed", "Conflict"]
        execution = both[outcomes.index(Committed())]
        assert Conflict(execution) in outcomes
        assert loaded(backend, execution) == execution


def test_heads_of_one_batch_get_their_own_payloads(backend: Backend, tenant: str) -> None:
    many = [head(tenant, suffix=f"{i:03d}", input=noise(i % 3, 40_000 + i)) for i in range(12)]
    for execution in many:
        backend.store.commit(execution, "n")
    assert backend.store.load([execution.id for execution in many]) == {execution.id: execution for execution in many}


def test_an_event_larger_than_an_item_fits_into_a_chunk(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    events = (event(1, output=noise(12, 3_000_000)), event(2, output=replace(execution).input))
    backend.store.put_chunk(execution, events)
    found = backend.store.load_chunks(execution, 0, 5)
    assert backend.store.resolve(execution.id, [e.details for e in found], 10**7) == [e.details for e in events]


def test_lost_payloads_of_what_has_ended_hold_nobody_up(backend: Backend, tenant: str) -> None:
    execution = ended(head(tenant, version=0, input=noise(13, 60_000)))
    backend.store.commit(execution, "n1")
    backend.break_payloads(execution.id, lose=True)
    found = loaded(backend, execution)
    assert found.state is execution.state
    assert found.input["$payload"]["bytes"] == 60_002

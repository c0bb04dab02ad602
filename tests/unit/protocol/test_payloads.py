"""Large values and expiry through the whole protocol.

- a value of megabytes goes through calls, waits and history, and its author never sees that it was stored apart
- what an execution left beside its head gets its expiry with the end, whoever ended it and whatever crashed
- payloads that are lost are an error that can be seen, and what refers to them can still be cancelled
- a name is free again when its execution has expired
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from chalicelib import service
from chalicelib.engine.effects import TaskResult
from chalicelib.service import Unreadable
from tests.unit.protocol.world import READY, TENANT, TIMEOUT, World, call, definition, step, unavailable, wait

DAYS_90 = 90 * 86_400
BIG = random.Random(1).randbytes(500_000).hex()


def fetching(**fields: Any) -> World:
    """A world in which a call answers a megabyte, which is kept over a wait and ends the execution."""
    steps = [
        call("fetch", stash={"text": "${ output.body }"}),
        wait("rest", 60),
        step("end", output="${ stash.text }"),
    ]
    world = World(definition(*steps, **fields))
    world.outside.answer = lambda task: TaskResult({"status": 200, "headers": {}, "body": BIG})
    return world


def expected_expiry(world: World, execution_id: str, seconds: int = DAYS_90) -> set[int | None]:
    ended_at_ms = world.head(execution_id).ended_at_ms
    assert ended_at_ms is not None
    return {ended_at_ms // 1000 + seconds}


def test_a_megabyte_goes_through_and_is_stored_once() -> None:
    world = fetching()
    execution_id = world.start()
    world.run(70)
    head = world.head(execution_id)
    assert head.output == BIG
    assert len(world.memory.payloads(execution_id)) == 1
    assert len(BIG) <= head.data_bytes < len(BIG) + 1000, "counted once, with the answer around it"
    events = world.history(execution_id)
    shown = service.with_data(world.runtime, execution_id, [event.details for event in events], 10**8)
    assert [details["output"] for details in shown if "output" in details][-2:] == [BIG, BIG]
    assert world.memory.expiry_of_rest(execution_id) == expected_expiry(world, execution_id)


def test_retention_days_of_the_definition_count() -> None:
    world = fetching(retentionDays=2)
    execution_id = world.start()
    world.run(70)
    assert world.memory.expiry_of_rest(execution_id) == expected_expiry(world, execution_id, 2 * 86_400)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_the_expiry_is_made_good_by_the_next_delivery(when: str) -> None:
    world = fetching()
    execution_id = world.start()
    world.drain()
    world.advance(61)
    with world.crashing("stamp_expiry", when):
        assert world.deliver(TIMEOUT) is not None
    assert world.head(execution_id).ended
    world.run(1000)
    assert world.memory.expiry_of_rest(execution_id) == expected_expiry(world, execution_id)
    assert sum(world.messages(queue) for queue in (READY, TIMEOUT)) == 0


def test_a_cancel_sets_the_expiry_and_does_not_need_it(caplog: pytest.LogCaptureFixture) -> None:
    for hook in (None, unavailable("stamp_expiry")):
        world = fetching()
        execution_id = world.start()
        world.drain()
        if hook is None:
            world.cancel(execution_id)
            assert world.memory.expiry_of_rest(execution_id) == expected_expiry(world, execution_id)
        else:
            with caplog.at_level("WARNING", logger="sedo.commits"), world.hooked(hook):
                world.cancel(execution_id)
            assert "has no expiry" in caplog.text
        assert world.head(execution_id).state == "ExecutionCancelled"


def test_a_start_that_ends_at_once_sets_the_expiry_of_its_payload() -> None:
    world = World(definition(step("a")))
    execution_id = world.start(input=BIG)
    assert world.memory.expiry_of_rest(execution_id) == expected_expiry(world, execution_id)


def test_small_executions_write_no_expiry() -> None:
    world = World(definition(step("a"), wait("w", 5), step("b")))
    calls: list[str] = []
    with world.hooked(lambda name, moment, args: calls.append(name)):
        world.start(input={"a": "x" * 2000})
        world.run(10)
    assert "stamp_expiry" not in calls


def test_lost_payloads_are_seen_and_do_not_keep_anybody_from_ending_it() -> None:
    world = fetching()
    good, bad = world.start(), world.start()
    world.drain()
    world.memory.payloads(bad).clear()
    world.run(120)
    assert world.head(good).ended
    assert "missing or damaged" in str(world.memory.load([bad])[bad]) or "damaged" in str(world.memory.load([bad])[bad])
    shown = service.show_execution(world.runtime, TENANT, bad)
    with pytest.raises(Unreadable, match="damaged"):
        service.with_data(world.runtime, bad, shown.stash, 10**8)
    assert service.with_data(world.runtime, bad, shown.stash, 0) == shown.stash
    world.cancel(bad)
    assert service.show_execution(world.runtime, TENANT, bad).state == "ExecutionCancelled"
    world.run(4000)
    assert sum(world.messages(queue) for queue in (READY, TIMEOUT)) == 0


def test_lost_payloads_come_back_for_the_time_of_all_lives_and_the_index_keeps_asking(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = fetching()
    bad = world.start()
    world.drain()
    payloads = world.memory.payloads(bad)
    kept = dict(payloads)
    payloads.clear()
    world.run(6 * 3600)
    assert "cannot be read" in caplog.text
    payloads.update(kept)  # out of a backup
    world.run(3600)
    assert world.head(bad).output == BIG


def test_a_name_is_free_when_its_execution_has_expired() -> None:
    world = World(definition(wait("w", 5), step("a"), retentionDays=1))
    first = world.start(input=BIG, name="nightly")
    world.run(10)
    assert world.start(input=BIG, name="nightly") == first
    world.advance(86_400)
    with pytest.raises(service.NotFound):
        service.load_execution(world.runtime, TENANT, first)
    assert world.memory.list_executions(TENANT, 5).items == []
    begun_ms = world.now_ms
    assert world.start(input={"other": 1}, name="nightly") == first
    world.run(10)
    head = world.head(first)
    assert (head.started_at_ms, head.input) == (begun_ms, {"other": 1})
    assert world.kinds(first)[-1] == "ExecutionSucceeded"
    assert len(world.memory.list_executions(TENANT, 5).items) == 1

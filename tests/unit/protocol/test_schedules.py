"""Schedules: one execution for each tick, whatever crashes, however often anything runs, and whoever's clock is wrong.

- a crash at any call of the tick or of the start loses nothing and starts nothing twice
- ticks run twice, messages come twice, processes work side by side: one execution
- after an outage only the latest missed tick is started
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest

from chalicelib.deliveries import BatchFailed
from chalicelib.engine.decision import look_token
from chalicelib.engine.timetable import timetable_id
from chalicelib.ports import Message, Unavailable
from tests.unit.protocol.scheduled import (
    FIRST_MS,
    HOURLY_MS,
    QUARTER,
    names,
    post,
    scheduled,
    started,
    tick_name,
    timetable,
    until,
)
from tests.unit.protocol.world import (
    DEAD_LETTER,
    READY,
    START_MS,
    TENANT,
    TIMEOUT,
    Crash,
    World,
    call,
    definition,
    step,
    unavailable,
    wait,
)


def test_each_tick_starts_one_execution_at_its_moment_with_its_input() -> None:
    world = World(scheduled({"every": "15m", "input": {"a": 1}}))
    world.run(4 * 3600)
    found = started(world)
    assert names(world) == [tick_name(FIRST_MS + i * 900_000) for i in range(16)]
    assert [execution.input for execution in found] == [{"a": 1}] * 16
    assert [execution.started_at_ms - FIRST_MS - i * 900_000 for i, execution in enumerate(found)] == [0] * 16
    assert world.history(found[0].id)[0].details["actor"] == "schedule"
    assert all(execution.ended for execution in found)


def test_every_minute_is_every_minute() -> None:
    world = World(scheduled({"every": "1m"}))
    world.run(3600)
    found = [execution.started_at_ms for execution in started(world)]
    first_ms = (START_MS // 60_000 + 1) * 60_000
    assert found[0] - first_ms <= 60_000, "the clock's tick looks ahead once a minute"
    assert found[1:] == [first_ms + i * 60_000 for i in range(1, 60)]
    assert world.messages(TIMEOUT) <= 2


def test_cron_follows_its_zone_through_the_change_of_the_clocks() -> None:
    """2023-11-05 is when New York's clocks go back; the world begins on 2023-11-14, so 2024-03-10 it is."""
    world = World(scheduled({"cron": "30 2 * * *", "timezone": "America/New_York"}))
    world.now_ms = round(datetime.fromisoformat("2024-03-09T00:00Z").timestamp() * 1000)
    post(world, scheduled({"cron": "31 2 * * *", "timezone": "America/New_York"}))
    world._ticked_ms = world.now_ms
    world.run(3 * 86_400)
    assert names(world) == [
        "schedule.0.20240309T073100Z",
        "schedule.0.20240310T070000Z",
        "schedule.0.20240311T063100Z",
    ]


def test_ticks_run_twice_and_messages_that_come_twice_start_one() -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 10_000
    assert world.tick() == world.tick() == 1
    world.advance(10)
    received = world.receive(TIMEOUT)
    assert len(received) == 2
    for message in received:
        assert world.invoke(TIMEOUT, [message]) is None
    world.queues.change_visibility(TIMEOUT, received[0].receipt_handle, 0)
    world.run(60)
    assert names(world) == [tick_name(FIRST_MS)]


CALLS = ("due", "load_timetable", "load", "get_definition", "commit", "send", "save_timetable")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", CALLS)
def test_crash_at_any_call_loses_nothing_and_doubles_nothing(method: str, when: str) -> None:
    """The process dies at the nth call, for every n there is in two ticks; the steps need a message of each start."""
    document = definition(wait("w", 5), step("e"), schedule=[{"every": "1h", "input": {"k": 1}}])
    crashed = 0
    for nth in range(1, 200):
        world = World(document)
        left = [nth]

        def hook(name: str, moment: str, args: tuple[Any, ...], left: list[int] = left) -> None:
            if (name, moment) == (method, when):
                left[0] -= 1
                if left[0] == 0:
                    raise Crash

        world.now_ms = HOURLY_MS - 130_000
        world._ticked_ms = world.now_ms
        with world.hooked(hook):
            while world.now_ms < HOURLY_MS + 3_600_000 + 1_200_000:
                with suppress(Crash):
                    until(world, HOURLY_MS + 3_600_000 + 1_200_000)
        assert names(world) == [tick_name(HOURLY_MS), tick_name(HOURLY_MS + 3_600_000)], nth
        assert all(execution.ended for execution in started(world))
        assert world.messages(DEAD_LETTER) == 0
        if left[0] > 0:
            break
        crashed += 1
    assert crashed >= 2


def test_without_ticks_a_redelivery_alone_heals_a_crash() -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 10_000
    world.tick()
    world.advance(10)
    with world.crashing("save_timetable", "before"):
        assert isinstance(world.deliver(TIMEOUT), Crash)
    assert timetable(world).due_at_ms == FIRST_MS
    assert len(started(world)) == 1
    world.run(400, ticks=False)
    assert timetable(world).due_at_ms == FIRST_MS + 900_000
    assert names(world) == [tick_name(FIRST_MS)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["due", "backlog", "send"])
def test_crash_of_the_tick_is_made_good_by_the_next(method: str, when: str) -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 30_000
    with world.crashing(method, when), pytest.raises(Crash):
        world.tick()
    world.advance(60)
    world._ticked_ms = world.now_ms - 60_000
    world.run(300)
    assert names(world) == [tick_name(FIRST_MS)]


@pytest.mark.parametrize("method", ["commit", "load_timetable", "save_timetable", "get_definition"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_throttling_is_waited_out(method: str, when: str) -> None:
    world = World(scheduled())
    with world.hooked(unavailable(method, times=3, when=when)):
        until(world, FIRST_MS + 60_000)
    assert names(world) == [tick_name(FIRST_MS)]
    assert timetable(world).rows[0].last_ms == FIRST_MS


@pytest.mark.parametrize("method", ["load_timetable", "get_definition", "commit", "save_timetable"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_two_side_by_side_at_every_point_start_one(method: str, when: str) -> None:
    """The second does all its work while the first stands at one of its calls."""
    world = World(scheduled())
    world.now_ms = FIRST_MS
    inside: list[bool] = []

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == (method, when) and not inside:
            inside.append(True)
            world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), "other", "schedule"))
            assert world.deliver() is None

    world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), "one", "schedule"))
    with world.hooked(hook):
        assert world.deliver() is None
    assert inside
    assert names(world) == [tick_name(FIRST_MS)]
    found = timetable(world)
    assert (found.due_at_ms, found.revision) == (FIRST_MS + 900_000, 1)


def test_of_two_side_by_side_one_asks_for_the_next_tick() -> None:
    """Else messages would become more with each tick."""
    world = World(scheduled({"every": "1m"}))
    world.now_ms = FIRST_MS
    for name in ("one", "two"):
        world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), name, "schedule"))
    inside: list[bool] = []

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == ("save_timetable", "before") and not inside:
            inside.append(True)
            assert world.invoke(READY, second) is None

    first, second = ([message] for message in world.receive())
    with world.hooked(hook):
        assert world.invoke(READY, first) is None
    assert inside
    assert world.messages(TIMEOUT) == 1


def test_two_on_both_sides_of_the_next_tick_start_both_once() -> None:
    """One stands still between its read and its start for a whole interval."""
    world = World(scheduled())
    world.now_ms = FIRST_MS
    inside: list[bool] = []

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == ("get_definition", "before") and not inside:
            inside.append(True)
            world.run(QUARTER + 60)

    world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), "one", "schedule"))
    with world.hooked(hook):
        world.deliver()
    world.run(120)
    assert names(world) == [tick_name(FIRST_MS), tick_name(FIRST_MS + 900_000)]
    assert timetable(world).due_at_ms == FIRST_MS + 2 * 900_000


@pytest.mark.parametrize("hours", [1, 7, 24 * 40])
def test_after_an_outage_only_the_latest_missed_tick_is_started(hours: int) -> None:
    world = World(scheduled({"every": "15m"}, {"cron": "*/20 * * * *"}))
    world.run(hours * 3600, ticks=False)
    assert started(world) == []
    world._ticked_ms = world.now_ms - 60_000
    back_ms = world.now_ms
    world.run(16 * 60)
    missed = back_ms // 900_000 * 900_000
    found = names(world)
    assert len([name for name in found if name and name.startswith("schedule.0.")]) in (1, 2)
    assert {tick_name(missed), tick_name(missed + 900_000)} & set(found)
    until(world, missed + 3 * 3_600_000)
    regular = [name for name in names(world) if name and name.startswith("schedule.0.")]
    assert regular[-10:] == [tick_name(missed + i * 900_000) for i in range(2, 12)]


@pytest.mark.parametrize("skew", [-120, -3, -1, 1, 3, 120])
def test_a_process_whose_clock_is_wrong_starts_nothing_twice(skew: int) -> None:
    world = World(scheduled({"every": "15m", "input": {}}))
    for _ in range(8):
        row = timetable(world).rows[0]
        assert row.next_ms is not None
        world.now_ms = max(world.now_ms, row.next_ms - 1000)
        world.tick()
        world.advance(1)
        world.now_ms += skew * 1000
        world.drain()
        world.now_ms -= skew * 1000
        world.run(150)
    found = names(world)
    assert len(found) == len(set(found))
    assert found == [tick_name(FIRST_MS + i * 900_000) for i in range(len(found))]
    assert len(found) >= 8


def test_a_message_that_comes_early_waits_for_its_moment() -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 100_000
    world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), "early", "schedule"))
    assert world.deliver() is None
    assert started(world) == []
    world.run(101, ticks=False)
    assert names(world) == [tick_name(FIRST_MS)]
    assert started(world)[0].started_at_ms == FIRST_MS


def test_a_message_of_a_moment_that_is_done_ends_there() -> None:
    world = World(scheduled())
    until(world, FIRST_MS + 1000)
    world.send(Message(timetable_id(TENANT, "d"), look_token(FIRST_MS), "late", "schedule"))
    world.send(Message(timetable_id(TENANT, "nobody"), look_token(FIRST_MS), "late", "schedule"))
    world.drain()
    assert world.messages(READY) == world.messages(TIMEOUT) == 0
    assert len(started(world)) == 1


def test_refused_messages_of_a_start_are_sent_again_before_the_timetable_moves_on() -> None:
    world = World(definition(wait("w", 5), step("e"), schedule=[{"every": "15m"}]))
    world.now_ms = FIRST_MS - 10_000
    world.tick()
    world.advance(10)
    refusals: list[str] = []

    def throttled(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "before") and len(refusals) < 2:
            assert timetable(world).due_at_ms == FIRST_MS
            refusals.append(name)
            raise Unavailable("throttled")

    with world.hooked(throttled):
        assert world.deliver(TIMEOUT) is None
    assert len(refusals) == 2
    assert world.naps
    world.run(30, ticks=False)
    assert [execution.state for execution in started(world)] == ["ExecutionSucceeded"]


def test_queue_that_refuses_for_long_has_the_tick_come_back() -> None:
    world = World(definition(wait("w", 5), step("e"), schedule=[{"every": "15m"}]))
    world.now_ms = FIRST_MS - 10_000
    world.tick()
    world.advance(10)
    with world.hooked(unavailable("send", times=1000)):
        assert isinstance(world.deliver(TIMEOUT), BatchFailed)
    assert timetable(world).due_at_ms == FIRST_MS
    world.run(400, ticks=False)
    assert names(world) == [tick_name(FIRST_MS)]
    assert started(world)[0].ended


KID = definition(step("x"), id="kid")
WITH_CHILD = definition(step("c", "execute", definition="kid"), call("a"), step("e"), schedule=[{"every": "15m"}])
"""What starts it also starts the child, in the same call, and comes to a call of the outside."""


def about_to_start_with_a_child() -> World:
    world = World(KID, WITH_CHILD)
    world.now_ms = FIRST_MS - 10_000
    world.tick()
    world.advance(10)
    return world


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_refused_messages_of_what_a_start_went_on_to_are_sent_before_the_timetable_moves_on(times: int) -> None:
    world = about_to_start_with_a_child()
    left = [times]

    def throttled(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "before") and left[0] > 0:
            assert timetable(world).due_at_ms == FIRST_MS
            assert started(world)[0].version == 2
            left[0] -= 1
            raise Unavailable("throttled")

    with world.hooked(throttled):
        assert world.deliver(TIMEOUT) is None
    assert left == [0]
    assert timetable(world).due_at_ms == FIRST_MS + 900_000
    world.drain()
    assert [execution.state for execution in started(world)] == ["ExecutionSucceeded"]
    assert len(world.outside.calls) == 1


def test_queue_that_refuses_for_long_what_a_start_went_on_to_has_the_tick_come_back() -> None:
    world = about_to_start_with_a_child()
    with world.hooked(unavailable("send", times=1000)):
        assert isinstance(world.deliver(TIMEOUT), BatchFailed)
    assert timetable(world).due_at_ms == FIRST_MS
    assert started(world)[0].version == 2
    world.run(400, ticks=False)
    assert names(world) == [tick_name(FIRST_MS)]
    assert started(world)[0].ended
    assert timetable(world).due_at_ms == FIRST_MS + 900_000


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["commit", "send", "save_timetable"])
def test_crash_at_any_call_of_a_start_with_a_child_needs_no_watchdog(method: str, when: str) -> None:
    crashed = 0
    for nth in range(1, 20):
        world = about_to_start_with_a_child()
        with world.crashing(method, when, nth=nth):
            if world.deliver(TIMEOUT) is None:
                break
        crashed += 1
        world.run(400, ticks=False)
        assert names(world) == [tick_name(FIRST_MS)], nth
        assert all(execution.ended for execution in world.heads().values()), nth
        assert len(world.outside.calls) == 1
    assert crashed >= (3 if method == "commit" else 1)

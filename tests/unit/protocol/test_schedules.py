"""Schedules: one execution for each tick, whatever crashes, however often anything runs, and whoever's clock is wrong.

- a crash at any call of the tick or of the start loses nothing and starts nothing twice
- ticks run twice, messages come twice, processes work side by side: one execution
- after an outage only the latest missed tick is started
- a definition's new version replaces its schedules in one step, deleting it ends them
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import service
from chalicelib.engine.decide import look_token
from chalicelib.engine.execution import Execution
from chalicelib.engine.timetable import Timetable, timetable_id
from chalicelib.ports import Message
from tests.unit.protocol.world import (
    DEAD_LETTER,
    READY,
    START_MS,
    TENANT,
    TIMEOUT,
    Crash,
    World,
    definition,
    step,
    unavailable,
    wait,
)

QUARTER = 900
FIRST_MS = (START_MS // 900_000 + 1) * 900_000
HOURLY_MS = (START_MS // 3_600_000 + 1) * 3_600_000


def scheduled(*entries: dict[str, Any], id: str = "d", **fields: Any) -> dict[str, Any]:
    return definition(step("only"), id=id, schedule=list(entries) or [{"every": "15m"}], **fields)


def post(world: World, document: dict[str, Any]) -> None:
    service.post_definition(world.runtime, TENANT, document)


def started(world: World, definition_id: str = "d") -> list[Execution]:
    """All executions, oldest first."""
    page = world.memory.list_executions(TENANT, 500, None, None, definition_id)
    return sorted(page.items, key=lambda execution: execution.started_at_ms)


def names(world: World, definition_id: str = "d") -> list[str | None]:
    return [execution.name for execution in started(world, definition_id)]


def tick_name(at_ms: int, index: int = 0) -> str:
    return f"schedule.{index}.{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y%m%dT%H%M%SZ}"


def timetable(world: World) -> Timetable:
    found = world.memory.load_timetable(TENANT, "d")
    assert found is not None
    return found


def until(world: World, moment_ms: int) -> None:
    world.run((moment_ms - world.now_ms) / 1000)


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


def test_a_new_version_replaces_the_schedules() -> None:
    world = World(scheduled({"every": "15m"}))
    until(world, FIRST_MS + 60_000)
    post(world, scheduled({"every": "1h", "input": {"v": 2}}, {"every": "2h"}))
    world.run(2 * 3600)
    later = started(world)[1:]
    assert {execution.definition_version for execution in later} == {2}
    assert sorted(name.split(".")[1] for name in filter(None, names(world)[1:])) == ["0", "0", "1"]
    post(world, definition(step("only")))
    before = len(started(world))
    world.run(86_400)
    assert len(started(world)) == before
    assert world.memory.load_timetable(TENANT, "d") is None
    assert list(world.memory.due(world.now_ms * 2, 10)) == []


def test_deleting_ends_the_schedules_and_a_message_on_its_way_starts_nothing() -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 10_000
    world.tick()
    assert world.memory.delete_definition(TENANT, "d")
    world.run(86_400)
    assert started(world) == []
    post(world, scheduled())
    world.run(QUARTER)
    assert len(started(world)) == 1


def test_posting_again_neither_loses_nor_repeats_a_tick() -> None:
    """Whenever it is posted: before the tick, while it is due, after it was started and before that was written."""
    world = World(scheduled({"every": "15m", "input": {"v": 1}}))
    world.now_ms = FIRST_MS + 5_000  # due, and nobody was there
    post(world, scheduled({"every": "15m", "input": {"v": 2}}))
    world.run(60)
    assert [execution.input for execution in started(world)] == [{"v": 2}]
    world.now_ms = FIRST_MS + 900_000
    world.tick()
    with world.crashing("save_timetable", "before"):
        assert isinstance(world.deliver(READY), Crash)
    post(world, scheduled({"every": "15m", "input": {"v": 3}}))
    world.run(600)
    assert [execution.input for execution in started(world)] == [{"v": 2}, {"v": 2}]
    assert timetable(world).due_at_ms == FIRST_MS + 2 * 900_000
    for second in range(0, 900, 50):
        world.now_ms = max(world.now_ms, FIRST_MS + 900_000 + second * 1000)
        post(world, scheduled({"every": "15m", "input": {"v": 4}}))
    until(world, FIRST_MS + 2 * 900_000 + 1000)
    assert [execution.input["v"] for execution in started(world)] == [2, 2, 4]


@pytest.mark.parametrize("when", ["before", "after"])
def test_crash_while_posting_leaves_the_old_schedules_or_the_new_ones(when: str) -> None:
    world = World(scheduled({"every": "15m"}))
    with world.crashing("put_definition", when), pytest.raises(Crash):
        post(world, scheduled({"every": "1h"}))
    version = 1 if when == "before" else 2
    assert timetable(world).definition_version == version
    stored = world.memory.get_definition(TENANT, "d")
    assert stored is not None
    assert stored.version == version
    until(world, HOURLY_MS + 1000)
    assert {execution.definition_version for execution in started(world)} == {version}


def test_one_schedule_that_cannot_be_started_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    world = World(scheduled({"every": "15m", "input": {"bad": True}}, {"every": "15m", "input": {}}))

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == ("commit", "before") and args[0].input == {"bad": True}:
            raise RuntimeError("poison")

    caplog.set_level(logging.CRITICAL, "sedo.processor")
    with world.hooked(hook):
        world.run(3 * 3600)
        assert len(started(world)) == 12
        assert {execution.input.get("bad") for execution in started(world)} == {None}
        assert (timetable(world).rows[0].next_ms, timetable(world).rows[0].last_ms) == (FIRST_MS, None)
    world.run(16 * 60)
    assert tick_name(timetable(world).rows[0].last_ms or 0, 0) in names(world)
    assert world.messages(DEAD_LETTER) == 0


def test_a_schedule_that_this_code_refuses_waits_for_code_that_takes_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    document = scheduled()
    post(world, document)
    rows = timetable(world).rows
    document["steps"][0]["type"] = "from-the-future"
    world.memory.put_definition(TENANT, "d", document, world.now_ms, rows)
    caplog.set_level(logging.CRITICAL, "sedo.processor")
    until(world, FIRST_MS + 600_000)
    assert started(world) == []
    assert timetable(world).due_at_ms == FIRST_MS


def test_bodies_of_schedule_messages_carry_no_state() -> None:
    world = World(scheduled())
    world.now_ms = FIRST_MS - 1000
    world.tick()
    body = json.loads(world.queues.bodies(TIMEOUT)[0])
    assert body == {
        "executionId": f"{TENANT}:d:~schedule",
        "token": look_token(FIRST_MS),
        "n": body["n"],
        "kind": "schedule",
        "lives": 0,
    }

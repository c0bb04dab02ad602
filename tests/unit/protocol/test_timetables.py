"""Timetables: they belong to the latest version of a definition, and no schedule is in another's way.

- a new version replaces the schedules in one step, deleting the definition ends them
- posting again neither loses nor repeats a tick
- what cannot be started is tried until it can be, and stops nothing else
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chalicelib.engine.decision import look_token
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
    TENANT,
    TIMEOUT,
    Crash,
    World,
    definition,
    step,
)


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

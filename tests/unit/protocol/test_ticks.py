"""The tick and its looks: one index is long timer and watchdog.

- what stays overdue is looked at after 0, 1, 2, 4 and 8 minutes and then every 15
- a look at a stale index entry writes nothing; a moment that has passed is moved
- the watchdog sends the same token again; it waits while the queues are long
- running a tick twice is harmless
"""

from __future__ import annotations

import json

from chalicelib.engine.decision import look_token
from chalicelib.ports import Message
from tests.unit.protocol.world import READY, START_MS, TIMEOUT, World, call, definition, step, wait

HOUR = 3600
MINUTE_MS = 60_000


def looks(world: World) -> list[str]:
    """The looks on both queues."""
    bodies = world.queues.bodies(READY) + world.queues.bodies(TIMEOUT)
    return [body for body in bodies if json.loads(body)["kind"] == "look"]


def test_tick_twice_is_harmless() -> None:
    world = World(definition(wait("w", HOUR), call("a"), step("e")))
    execution_id = world.start()
    world.advance(HOUR - 30)
    assert world.tick() == world.tick() == 1
    world.run(120)
    assert world.kinds(execution_id).count("StepSucceeded") == 3
    assert len(world.outside.calls) == 1


def test_overdue_is_looked_at_after_0_1_2_4_8_and_then_every_15_minutes() -> None:
    world = World(definition(wait("w", HOUR), step("e")))
    world.start()
    world.advance(HOUR)
    minutes = []
    for minute in range(64):
        if world.tick():
            minutes.append(minute)
        world.advance(60)
    assert minutes == [0, 1, 2, 4, 8, 15, 30, 45, 60]


def test_ages_are_counted_from_due_at_alone() -> None:
    """They are computed and not stored: another process, with another past, comes to the same."""
    world = World(definition(wait("w", HOUR), step("e")))
    world.start()
    world.advance(HOUR + 3 * 60)
    assert world.tick() == 0
    world.advance(60)
    assert world.tick() == 1


def test_looks_of_one_moment_are_copies_of_one_message() -> None:
    world = World(definition(wait("w", HOUR), step("e")))
    world.start()
    world.advance(HOUR)
    world.tick()
    world.advance(60)
    world.tick()
    first, second = (json.loads(body) for body in looks(world))
    assert first["token"] == second["token"]
    assert first["n"] != second["n"]


def test_watchdogs_wait_while_a_backlog_is_long() -> None:
    """What a watchdog misses is then most likely in line; timers are looked at all the same."""
    world = World(definition(call("a"), step("e")), definition(wait("w", HOUR), step("e"), id="t"))
    world.start()
    world.start("t")
    for number in range(1001):
        world.send(Message("123:d:x", "1.1", f"x{number}"))
    world.advance(60)
    assert world.tick() == 0
    world.advance(15 * 60)
    assert world.tick() == 1
    world.advance(HOUR - 16 * 60)
    assert world.tick() == 1
    timers = [look for look in looks(world) if ":t:" in json.loads(look)["executionId"]]
    assert len(timers) == 1


def test_stale_index_look_writes_nothing() -> None:
    world = World(definition(call("a"), wait("w", HOUR), step("e")))
    execution_id = world.start()
    stale = world.head(execution_id).due_at_ms
    assert stale is not None
    world.deliver()
    before = world.head(execution_id)
    world.now_ms = stale
    world.send(Message(execution_id, look_token(stale), "from a stale index", "look"))
    assert world.deliver() is None
    assert world.head(execution_id) == before
    assert looks(world) == []


def test_look_that_finds_the_moment_passed_and_nothing_due_moves_it() -> None:
    """`due_at` may be early: it is kept through commits, and the look that finds it so moves it on."""
    world = World(definition(call("a"), wait("w", 10), step("e")))
    execution_id = world.start()
    due = world.head(execution_id).due_at_ms
    assert due == START_MS + 60_000
    world.advance(50)
    world.deliver()
    kept = world.head(execution_id)
    assert kept.due_at_ms == due  # the commit left it, since moving it costs two index writes
    world.advance(10)
    assert world.tick() == 1
    assert world.deliver() is None
    moved = world.head(execution_id)
    assert moved.due_at_ms == moved.cursors[0].watch_at_ms > due
    assert moved.cursors == kept.cursors
    world.run(10, ticks=False)
    assert world.head(execution_id).ended


def test_watchdog_sends_the_same_token_again() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    world.queues.purge(READY)
    world.advance(60)
    assert world.tick() == 1
    assert world.deliver() is None
    [message] = world.queues.bodies(READY)
    assert json.loads(message)["token"] == "1.1"
    world.drain()
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


def test_watchdog_of_a_processors_commit_is_15_minutes_after_the_due_moment() -> None:
    world = World(definition(call("a"), wait("w", 600), step("e")))
    execution_id = world.start()
    world.run(30, ticks=False)
    world.queues.purge(TIMEOUT)
    [cursor] = world.head(execution_id).cursors
    assert cursor.watch_at_ms == cursor.due_at_ms + 15 * MINUTE_MS
    world.run(600 + 15 * 60 + 120)
    assert world.head(execution_id).ended


def test_early_look_sends_the_rest_of_its_delay() -> None:
    world = World(definition(wait("w", HOUR), step("e")))
    execution_id = world.start()
    due = world.head(execution_id).due_at_ms
    assert due is not None
    world.now_ms = due - 20_000
    world.send(Message(execution_id, look_token(due), "a fast clock", "look"))
    assert world.deliver() is None
    assert len(looks(world)) == 1
    world.run(25, ticks=False)
    assert world.head(execution_id).ended

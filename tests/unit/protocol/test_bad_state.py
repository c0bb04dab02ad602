"""Bad state: each is a visible outcome, and none blocks the nine good ones of its batch.

a head from a newer version    untouched; logged; its messages come back until newer code reads it
bytes that are no message      logged whole and acknowledged
an unknown execution           logged and acknowledged
a definition version gone      the execution ends with Sedo.ProcessingFailed and the cause in its history
a definition unreadable        logged; after the lives of its message the same
a step that is gone            the execution ends with Sedo.ProcessingFailed
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.deliveries import BatchFailed
from chalicelib.service import Unreadable
from tests.unit.protocol.world import DEAD_LETTER, READY, TENANT, TIMEOUT, World, call, definition, step

NOT_MESSAGES = [
    "",
    "not JSON",
    "[]",
    "null",
    '"text"',
    "{}",
    '{"executionId": 1, "token": "1.1", "n": "n"}',
    '{"executionId": "123:d:x", "token": "1.1"}',
    '{"executionId": "123:d:x", "token": "1.1", "n": "n", "kind": "dance"}',
    '{"executionId": "123:d:x", "token": "1.1", "n": "n", "lives": -1}',
    '{"executionId": "123:d:x", "token": "1.1", "n": "n", "lives": true}',
    "[" * 100_000,
]


def nine(world: World) -> list[str]:
    return [world.start() for _ in range(9)]


def world_of_nine() -> tuple[World, list[str]]:
    world = World(definition(call("a"), step("e")), definition(call("x"), step("e"), id="bad"))
    return world, nine(world)


def ended(world: World, ids: list[str]) -> bool:
    return all(world.head(one).state == "ExecutionSucceeded" for one in ids)


@pytest.mark.parametrize("body", NOT_MESSAGES, ids=range(len(NOT_MESSAGES)))
def test_message_that_is_not_ours_is_logged_and_blocks_none(body: str, caplog: pytest.LogCaptureFixture) -> None:
    world, good = world_of_nine()
    world.queues.put(READY, body)
    assert world.deliver() is None
    assert ended(world, good)
    assert world.messages(READY) == 0
    assert "rejected" in caplog.text
    assert body[:1000] in caplog.text


def test_message_for_an_unknown_execution_is_logged_and_blocks_none(caplog: pytest.LogCaptureFixture) -> None:
    world, good = world_of_nine()
    world.queues.put(READY, json.dumps({"executionId": f"{TENANT}:d:nowhere", "token": "1.1", "n": "n"}))
    assert world.deliver() is None
    assert ended(world, good)
    assert world.messages(READY) == 0
    assert f"{TENANT}:d:nowhere" in caplog.text


def test_head_from_a_newer_version_stays_untouched_and_blocks_none(caplog: pytest.LogCaptureFixture) -> None:
    world, good = world_of_nine()
    bad = world.start("bad")
    whole = world.memory._heads[bad]
    world.memory.damage(bad)
    assert isinstance(world.deliver(), BatchFailed)
    assert ended(world, good)
    assert world.messages(READY) == 1
    assert bad in caplog.text
    with pytest.raises(Unreadable):
        world.cancel(bad)
    assert world.memory._heads[bad].blob == b"from the future"
    world.memory._heads[bad] = whole  # newer code is deployed
    world.run(400, ticks=False)
    assert ended(world, [bad])


def test_head_that_nobody_can_read_ever_is_asked_for_and_logged_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, _ = world_of_nine()
    bad = world.start("bad")
    whole = world.memory._heads[bad]
    world.memory.damage(bad)
    world.run(6 * 3600)
    assert any(record.levelname == "CRITICAL" and bad in record.message for record in caplog.records)
    caplog.clear()
    world.run(3 * 3600)
    assert bad in caplog.text  # its due entry still asks
    world.memory._heads[bad] = whole
    world.run(3600)
    assert ended(world, [bad])


def gone(world: World) -> None:
    world.memory._versions.pop((TENANT, "bad"))


def unreadable(world: World) -> None:
    world.memory._versions[(TENANT, "bad")].clear()
    world.memory.put_definition(TENANT, "bad", {"id": "bad", "steps": [{"id": "x", "type": "from-the-future"}]}, 1)


def test_definition_version_that_is_gone_ends_the_execution_at_once_and_blocks_none() -> None:
    world, good = world_of_nine()
    bad = world.start("bad")
    world.runtime._parsed.clear()
    gone(world)
    assert world.deliver() is None
    assert ended(world, good)
    head = world.head(bad)
    assert head.state == "ExecutionFailed"
    assert head.error is not None
    assert head.error["name"] == "Sedo.ProcessingFailed"
    assert "version 1 of definition bad is gone" in head.error["cause"]
    assert world.kinds(bad)[-1] == "ExecutionFailed"


def test_definition_that_cannot_be_read_ends_the_execution_after_all_lives(caplog: pytest.LogCaptureFixture) -> None:
    world, good = world_of_nine()
    bad = world.start("bad")
    world.runtime._parsed.clear()
    unreadable(world)
    assert isinstance(world.deliver(), BatchFailed)
    assert ended(world, good)
    assert bad in caplog.text
    world.run(5 * 3600)
    head = world.head(bad)
    assert head.state == "ExecutionFailed"
    assert head.error is not None
    assert head.error["name"] == "Sedo.ProcessingFailed"
    assert world.messages(READY) == world.messages(TIMEOUT) == world.messages(DEAD_LETTER) == 0


def test_definition_that_becomes_readable_within_its_lives_costs_nothing_but_time() -> None:
    world, _ = world_of_nine()
    bad = world.start("bad")
    versions = list(world.memory._versions[(TENANT, "bad")])
    world.runtime._parsed.clear()
    unreadable(world)
    world.run(3600)
    world.memory._versions[(TENANT, "bad")] = versions
    world.run(4 * 3600)
    assert ended(world, [bad])


def test_step_that_the_definition_does_not_have_fails_visibly() -> None:
    world, good = world_of_nine()
    bad = world.start("bad")
    head = world.head(bad)
    lost = replace(head, version=2, cursors=tuple(replace(cursor, step="nowhere") for cursor in head.cursors))
    world.memory.commit(lost, "by hand")
    assert world.deliver() is None
    assert ended(world, good)
    found = world.head(bad)
    assert found.error is not None
    assert found.error["name"] == "Sedo.ProcessingFailed"
    assert "no step 'nowhere'" in found.error["cause"]


@pytest.mark.parametrize("spoil", [gone, unreadable])
def test_dead_letter_of_bad_state_blocks_no_other(spoil: Callable[[World], None]) -> None:
    world, good = world_of_nine()
    bad = world.start("bad")
    world.runtime._parsed.clear()
    spoil(world)
    for body in world.queues.bodies(READY):
        world.queues.put(DEAD_LETTER, json.dumps(json.loads(body) | {"lives": 4}))
    world.queues.purge(READY)
    assert world.deliver(DEAD_LETTER) is None
    assert all(world.head(one).ended for one in [bad, *good])

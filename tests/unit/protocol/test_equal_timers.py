"""Branches whose timers end at the same moment: they share one message, as what is due at once does."""

from __future__ import annotations

from typing import Any

from tests.unit.protocol.world import TIMEOUT, World, definition, wait


def world_of_waits(count: int) -> World:
    branches = [{"steps": [{**wait(f"w{i}", 1), "end": True}]} for i in range(count)]
    return World(definition({"id": "fan", "type": "parallel", "branches": branches}))


def test_timers_of_one_decision_for_the_same_moment_share_one_message() -> None:
    world = world_of_waits(40)
    world.start()
    assert world.messages(TIMEOUT) == 1


def test_timers_of_one_moment_do_not_drive_each_other_off() -> None:
    """Several processes take the messages; whoever commits a little later each time is not to wait for minutes."""
    world = world_of_waits(40)
    execution_id = world.start()
    world.advance(1)
    nested = [0]

    def another_process_is_quicker(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and nested[0] == 0 and world.messages(TIMEOUT):
            nested[0] = 1
            if received := world.queues.receive(TIMEOUT, 1):
                world.invoke(TIMEOUT, received)
            nested[0] = 0

    with world.hooked(another_process_is_quicker):
        world.invoke(TIMEOUT, world.queues.receive(TIMEOUT, 1))
    world.run(30, ticks=False)
    assert world.head(execution_id).ended

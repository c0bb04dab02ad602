"""Branches, children, tasks and redrives under all that queues and slow processes do.

- messages doubled, in any order, in batches of any size: the same ends
- whoever is slow commits into a head that others have moved on
- notices of ends lost, or everything that is on the queues: the watchdog makes it good
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.engine import fanout
from chalicelib.ports import Outgoing
from sedo.memory_queue import Received
from tests.unit.protocol.trees import STORIES, Story, outcome, rough, tell
from tests.unit.protocol.world import DEAD_LETTER, READY, TIMEOUT, Crash, World


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few items are trees."""
    monkeypatch.setattr(fanout, "WIDTH", 3)


def calm(story: Story) -> tuple[str, dict[str, Any]]:
    world = story.world()
    execution_id = tell(world, story)
    return execution_id, rough(outcome(world, execution_id))


def check(world: World, execution_id: str, wanted: dict[str, Any], where: str) -> None:
    found = rough(outcome(world, execution_id))
    assert found[execution_id] == wanted[execution_id], where
    assert found.keys() >= wanted.keys(), where


class Disorder(World):
    """Receives in any order, in batches of any size; what was sent may come twice."""

    chance: random.Random

    def drain(self) -> None:
        while any(self._some(queue) for queue in (READY, TIMEOUT, DEAD_LETTER)):
            pass

    def _some(self, queue: str) -> bool:
        received = []
        while found := self.receive(queue):
            received += found
        self.chance.shuffle(received)
        while received:
            size = self.chance.randint(1, 10)
            batch, received = received[:size], received[size:]
            for message in batch:
                if self.chance.random() < 0.3:
                    self.queues.put(queue, message.body, self.chance.choice([0, 0, 3, 400]))
            self.invoke(queue, batch)
            if not received:
                return True
        return False


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", STORIES)
def test_doubles_in_any_order_change_nothing(name: str, seed: int) -> None:
    story = STORIES[name]
    execution_id, wanted = calm(story)
    world = story.prepared(Disorder(*story.documents))
    world.chance = random.Random(seed)
    tell(world, story)
    check(world, execution_id, wanted, f"seed {seed}")


@contextmanager
def at_call(world: World, method: str, nth: int, do: Callable[[], None]) -> Iterator[list[int]]:
    """Let something happen just before the nth call of a method; all that it does itself goes on undisturbed."""
    left = [nth]

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == (method, "before"):
            left[0] -= 1
            if left[0] == 0:
                do()

    with world.hooked(hook):
        yield left


@pytest.mark.parametrize("late", [0, 361])
@pytest.mark.parametrize("name", STORIES)
def test_others_go_on_while_one_is_about_to_commit(name: str, late: float) -> None:
    """Side by side at once; and so slow that its own message was given to another."""
    story = STORIES[name]
    execution_id, wanted = calm(story)
    for nth in range(1, 2000):
        world = story.world()

        def others(world: World = world) -> None:
            world.advance(late)
            world.drain()

        with at_call(world, "commit", nth, others) as left:
            tell(world, story)
        check(world, execution_id, wanted, f"commit {nth}")
        if left[0] > 0:
            return
    pytest.fail("there are more commits than were tried")


def losing(world: World, kinds: tuple[str, ...], every: int) -> None:
    """Lose every so many messages of some kinds."""
    put, count = world.queues.put, [0]

    def lossy(queue: str, body: str, delay_seconds: float = 0, group: str | None = None) -> None:
        if json.loads(body)["kind"] in kinds:
            count[0] += 1
            if count[0] % every == 0:
                return
        put(queue, body, delay_seconds, group)

    world.queues.put = lossy  # type: ignore[method-assign]


@pytest.mark.parametrize(("kinds", "every"), [(("ended",), 1), (("ended",), 2), (("drive", "ended"), 3)])
@pytest.mark.parametrize("name", STORIES)
def test_lost_messages_are_made_good_by_the_watchdog(name: str, kinds: tuple[str, ...], every: int) -> None:
    story = STORIES[name]
    execution_id, wanted = calm(story)
    world = story.world()
    losing(world, kinds, every)
    tell(world, story, watched=True)
    check(world, execution_id, wanted, "lost")


@pytest.mark.parametrize("name", STORIES)
def test_purge_of_all_queues_at_any_moment_is_made_good(name: str) -> None:
    story = STORIES[name]
    execution_id, wanted = calm(story)
    for nth in range(1, 2000):
        world = story.world()

        def purge(world: World = world) -> None:
            for queue in (READY, TIMEOUT, DEAD_LETTER):
                world.queues.purge(queue)

        with at_call(world, "commit", nth, purge) as left:
            tell(world, story, watched=True)
        check(world, execution_id, wanted, f"commit {nth}")
        if left[0] > 0:
            return
    pytest.fail("there are more commits than were tried")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", STORIES)
def test_disorder_with_crashes_and_refusals_needs_no_watchdog(name: str, seed: int) -> None:
    story = STORIES[name]
    execution_id, wanted = calm(story)
    world = story.prepared(Disorder(*story.documents))
    world.chance = random.Random(1000 + seed)
    send, at_work, left = world.queues.send, [False], [12]

    def broken(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if at_work[0] and left[0] > 0 and world.chance.random() < 0.05:
            left[0] -= 1
            raise Crash(name)

    def refusing(messages: Sequence[Outgoing]) -> list[Outgoing]:
        refused = [message for message in messages if at_work[0] and world.chance.random() < 0.05]
        return refused + send([message for message in messages if message not in refused])

    def invoke(queue: str, received: list[Received]) -> BaseException | None:
        at_work[0] = True
        try:
            return World.invoke(world, queue, received)
        finally:
            at_work[0] = False

    world.queues.send = refusing  # type: ignore[method-assign]
    world.invoke = invoke  # type: ignore[method-assign]
    with world.hooked(broken):
        tell(world, story)
    check(world, execution_id, wanted, f"seed {seed}")

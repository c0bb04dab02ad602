"""Crashes at every single call of a run of branches, children, tasks and redrives: see test_crashes.

Nothing is lost, and nothing but the death of a caller's own process needs the watchdog.
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine import fanout
from tests.unit.protocol.trees import STORIES, Story, outcome, tell
from tests.unit.protocol.world import Crash, World

EXACT = frozenset({"pure tree", "tree", "deep tree", "person", "signal", "execute"})
"""Stories in which nothing depends on who comes first."""


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few items are trees."""
    monkeypatch.setattr(fanout, "WIDTH", 3)


def calm(story: Story) -> tuple[str, dict[str, Any]]:
    world = story.world()
    execution_id = tell(world, story)
    return execution_id, outcome(world, execution_id)


def crash_at(story: Story, nth: int, when: str) -> tuple[World, bool]:
    """Tell a story in which one process dies; False when it makes fewer calls than that."""
    world = story.world()
    left = [nth]

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if moment == when:
            left[0] -= 1
            if left[0] == 0:
                raise Crash(name)

    with world.hooked(hook):
        execution_id = tell(world, story)
    check(world, execution_id)
    return world, left[0] <= 0


def check(world: World, execution_id: str) -> None:
    outcome(world, execution_id)


@pytest.mark.parametrize("name", STORIES)
def test_story_is_told_calmly(name: str) -> None:
    calm(STORIES[name])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_crash_at_every_single_call(name: str, when: str) -> None:
    story = STORIES[name]
    execution_id, wanted = calm(story)
    for nth in range(1, 2000):
        world, there = crash_at(story, nth, when)
        found = outcome(world, execution_id)
        where = f"crash {when} call {nth}"
        assert found[execution_id][:3] == wanted[execution_id][:3], where
        if name in EXACT:
            assert found == wanted, where
        if not there:
            return
    pytest.fail("the story makes more calls than were tried")

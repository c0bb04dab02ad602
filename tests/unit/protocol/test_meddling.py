"""Parents, children and grandchildren while somebody cancels, redrives and delivers in the middle of any call.

Deeper than the simulation goes: what meddles is meddled with in its turn, so that slow processes hang three deep in
each other. One seed, one story.

- nobody is born, or lives again, under a parent that has ended
- no child that its parent waits for is cancelled behind its back
- all end, and whatever was stopped succeeds after a last, calm redrive
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib import children
from chalicelib.children import Children
from chalicelib.engine import fanout
from chalicelib.engine.branches import outlived
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.ports import Unavailable
from chalicelib.service import AlreadyEnded
from tests.unit.protocol.world import (
    DEAD_LETTER,
    READY,
    TIMEOUT,
    Crash,
    World,
    call,
    definition,
    mapped,
    side_by_side,
    step,
    wait,
)

SEEDS = 300
OTHER_SEEDS = range(800, 2_000)
"""Where a broken rule is noticed soon: the rarer of the two takes some two hundred seeds, if it is not lucky."""
DEEPEST = 3
LONG = 40_000


def maybe(draw: random.Random, chance: float, **fields: Any) -> dict[str, Any]:
    """These fields, or none."""
    return fields if draw.random() < chance else {}


def family(draw: random.Random) -> list[dict[str, Any]]:
    """A definition, the one that it executes, and the one that that executes."""
    rest = [wait("w", draw.choice([1, 30, 500]))] if draw.random() < 0.6 else []
    youngest = definition(call("x"), *rest, call("z"), id="third")
    grand = step("grand", "execute", definition="third")
    inner = grand if draw.random() < 0.8 else mapped("m", call("q"), wait("w2", 20), items=[1, 2, 3])
    other = definition(
        call("x"), inner, call("y"), id="other", **maybe(draw, 0.2, timeoutSeconds=draw.choice([20, 100]))
    )
    retry = maybe(draw, 0.25, retry=[{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 1}])
    child = step("child", "execute", definition="other", **retry, **maybe(draw, 0.2, timeoutSeconds=10))
    catch = maybe(draw, 0.4, catch=[{"errors": ["*"], "next": "after"}])
    beside = [call("b1"), {**child, "id": "child2"}]
    body = draw.choice(
        [
            {**child, **catch},
            side_by_side("fan", [child], beside, [wait("w1", draw.choice([1, 40])), call("b2")], **catch),
            mapped("each", call("x1"), child, items=[1, 2, 3, 4, 5], **catch),
        ]
    )
    bound = maybe(draw, 0.2, timeoutSeconds=draw.choice([30, 200]))
    return [definition(body, step("after"), wait("wl", draw.choice([1, 100])), call("last"), **bound), other, youngest]


@dataclass
class Story:
    """One seed's world, and who meddles with it."""

    draw: random.Random
    world: World
    root: str = ""
    depth: int = 0
    left: int = 0
    chance: float = 0.0
    failing: float = 0.0
    wrong: list[str] = field(default_factory=list)
    seen: dict[str, Execution] = field(default_factory=dict)

    def answer(self, task: Task) -> TaskResult:
        return TaskResult(error="Odd", cause="no") if self.draw.random() < self.failing else TaskResult(value=1)

    def meddle(self) -> None:
        luck = self.draw.random()
        if luck < 0.3:
            with contextlib.suppress(AlreadyEnded):
                self.world.cancel(self.root)
        elif luck < 0.6:
            self.world.redrive(self.root)
        elif luck < 0.7:
            self.world.advance(self.draw.choice([1, 30, 361, 900]))
        for _ in range(self.draw.randrange(6)):
            queue = self.draw.choice([READY, READY, READY, TIMEOUT, DEAD_LETTER])
            received = self.world.receive(queue)
            if received:
                self.world.invoke(queue, received)

    def hook(self, name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "after"):
            self.look(args[0].id)
        due = name in ("commit", "load", "send") and self.depth < DEEPEST and self.left > 0
        if not due or self.draw.random() >= self.chance:
            return
        self.left -= 1
        self.depth += 1
        try:
            for _ in range(self.draw.randrange(1, 4)):
                self.meddle()
        finally:
            self.depth -= 1
        if self.draw.random() < 0.15:
            raise Crash("in the middle")

    def look(self, name: str) -> None:
        """See that what begins to live has a parent that does."""
        head = self.world.head(name)
        before, self.seen[name] = self.seen.get(name), head
        begins = (before is None or before.ended) and not head.ended and head.ending is None
        if begins and head.parent is not None and self.world.head(head.parent["id"]).ended:
            self.wrong.append(f"{name} lives, and its parent has ended")

    def safely(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(Crash, Unavailable):
            act()

    def check(self) -> None:
        heads = self.world.heads()
        self.wrong += [f"{name} lives for ever" for name, head in heads.items() if not head.ended]
        for name in heads:
            for event in self.world.history(name):
                if event.type == "ChildEnded" and event.details["state"] == "ExecutionCancelled":
                    self.wrong.append(f"{name} heard of a child that was cancelled behind its back")


def tell(seed: int) -> list[str]:
    """What is wrong in the story of a seed."""
    draw = random.Random(seed)
    documents = family(draw)
    story = Story(draw, World(*documents), left=draw.choice([2, 4, 8]), chance=draw.choice([0.02, 0.05, 0.15]))
    world = story.world
    story.failing = draw.choice([0, 0.05, 0.2, 0.4])
    world.outside.answer = story.answer
    story.root = world.start()
    world.hooks.append(story.hook)
    for _ in range(draw.randrange(3, 10)):
        story.safely(story.meddle)
        story.safely(world.drain)
        if draw.random() < 0.3:
            world.advance(draw.choice([1, 30, 361]))
    story.failing, story.left = 0, 0
    world.run(LONG)
    story.check()
    if world.head(story.root).state != "ExecutionSucceeded" and not story.wrong:
        world.redrive(story.root)
        world.run(LONG)
        story.check()
        if world.head(story.root).state != "ExecutionSucceeded" and "timeoutSeconds" not in str(documents):
            story.wrong.append(f"is {world.head(story.root).error}")
    return story.wrong


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of three items are trees."""
    monkeypatch.setattr(fanout, "WIDTH", 2)


@pytest.mark.parametrize("part", range(4))
def test_a_family_survives_all_meddling(part: int) -> None:
    assert {seed: wrong for seed in range(part, SEEDS, 4) if (wrong := tell(seed))} == {}


def ends_stay_in_their_life(patch: pytest.MonkeyPatch) -> None:
    """The end of a child is not moved into the life of an end that meets it."""
    patch.setattr(children, "outlived", lambda end, life: outlived(end, end.life))


def ends_reach_later_lives(patch: pytest.MonkeyPatch) -> None:
    """Who tells children to end does not look whose life they live."""
    cancel = Children._cancel

    def mutated(self: Children, parent: Any, child: str) -> None:
        head = self._load(child, whole=False)
        cancel(self, parent if head is None else replace(parent, life=max(parent.life, head.life)), child)

    patch.setattr(Children, "_cancel", mutated)


@pytest.mark.parametrize("broken", [ends_stay_in_their_life, ends_reach_later_lives])
def test_the_rules_of_ends_are_needed(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert any(tell(seed) for seed in OTHER_SEEDS)

"""Whole stories of branches, children, people and redrives: what is done from outside, and when.

Each is told calmly once; crashes, doubles and losses must not change how it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib import inbox, signals
from chalicelib.deliveries import BatchFailed
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import SedoError
from tests.unit.protocol.world import (
    READY,
    TENANT,
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

W = TypeVar("W", bound=World)
Act = Callable[[World, str], object]
Ready = Callable[[World, str], bool]
RETRY = [{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 1}]
GIVE_UP_MS = 40_000_000


@dataclass
class Story:
    """Definitions, the input of `d`, and what callers do once something is so, ten seconds later at the earliest."""

    documents: list[dict[str, Any]]
    input: Any = None
    acts: list[tuple[Ready, Act]] = field(default_factory=list)
    answer: Callable[[World, Task], TaskResult] | None = None

    def world(self) -> World:
        return self.prepared(World(*self.documents))

    def prepared(self, world: W) -> W:
        """Let the world outside of a world answer as the story says."""
        if self.answer is not None:
            answer = self.answer
            world.outside.answer = lambda task: answer(world, task)
        return world


def by_item(world: World, task: Task) -> TaskResult:
    return TaskResult(value={"status": 200, "headers": {}, "body": None})


def broken(world: World, task: Task) -> TaskResult:
    """What the step `late` calls is broken until somebody has redriven something."""
    redriven = any(head.life > 1 for head in world.heads().values())
    return by_item(world, task) if redriven or task.step != "late" else TaskResult(error="Http.500", cause="not yet")


def first_fails(world: World, task: Task) -> TaskResult:
    """Attempts are told apart by the executions that they start."""
    again = "-2" in task.idempotency_key
    return by_item(world, task) if again else TaskResult(error="Http.500", cause="not yet")


def complete(world: World, execution_id: str) -> None:
    """Answer all open tasks; none is open where it was answered before."""
    for head in list(world.heads()):
        for token in world.tasks(head):
            inbox.answer(world.runtime, TENANT, token, TaskResult({"yes": True}), actor="ann")


def signal(world: World, execution_id: str) -> None:
    signals.send_signal(world.runtime, TENANT, execution_id, "go", {"n": 1}, id="once", actor="ann")


def cancel(world: World, execution_id: str) -> None:
    world.cancel(execution_id)


def redrive(world: World, execution_id: str) -> None:
    world.redrive(execution_id)


def items(count: int) -> dict[str, Any]:
    return {"items": list(range(count))}


GO = step("go", "signal", name="go")
HUMAN = step("ask", "human", title="Well?")


def ended(world: World, execution_id: str) -> bool:
    return world.head(execution_id).ended


def asked(world: World, execution_id: str) -> bool:
    return sum(len(world.tasks(name)) for name in world.heads()) == len(
        world.head(execution_id).input.get("items", "1")
    )


def soon(world: World, execution_id: str) -> bool:
    return True


STORIES: dict[str, Story] = {
    "branches": Story(
        [
            definition(
                side_by_side("fan", [call("a"), call("b")], [wait("w", 5), call("c")], [step("p"), step("q")]),
                call("after"),
                step("e"),
            )
        ]
    ),
    "nested branches": Story(
        [
            definition(
                side_by_side("fan", [mapped("each", call("x"), wait("w", 1), items=[1, 2])], [call("c")]),
                step("e"),
            )
        ]
    ),
    "pure tree": Story([definition(mapped("each", step("p")), step("e"))], items(20)),
    "tree": Story([definition(mapped("each", call("x")), step("e"))], items(11)),
    "deep tree": Story([definition(mapped("each", call("x"), wait("w", 2)), step("e"))], items(29)),
    "tree in a branch": Story(
        [definition(side_by_side("fan", [mapped("each", call("x"), maxConcurrency=2)], [call("c")]), step("e"))],
        items(7),
    ),
    "execute": Story(
        [
            definition(step("child", "execute", definition="other"), step("e")),
            definition(call("x"), step("e2"), id="other"),
        ]
    ),
    "execute after a call": Story(
        [
            definition(call("a"), step("child", "execute", definition="other"), call("b")),
            definition(call("x"), wait("w", 3), call("y"), id="other"),
        ]
    ),
    "execute again": Story(
        [
            definition(step("child", "execute", definition="other", retry=RETRY), step("e")),
            definition(call("x"), id="other"),
        ],
        answer=first_fails,
    ),
    "execute without waiting": Story(
        [
            definition(call("a"), step("child", "execute", definition="other", wait=False), call("b")),
            definition(call("x"), id="other"),
        ]
    ),
    "person": Story([definition(call("a"), HUMAN, call("b"))], acts=[(asked, complete)]),
    "person in a tree": Story([definition(mapped("each", HUMAN, call("x")), step("e"))], items(4), [(asked, complete)]),
    "signal": Story([definition(call("a"), GO, call("b"))], acts=[(soon, signal)]),
    "early signal": Story([definition(wait("w", 20), GO, call("b"))], acts=[(soon, signal)]),
    "cancelled tree": Story(
        [definition(mapped("each", call("x"), wait("w", 800)), step("e"))], items(11), [(soon, cancel)]
    ),
    "cancelled execute": Story(
        [
            definition(call("a"), step("child", "execute", definition="other"), call("b")),
            definition(call("x"), wait("w", 800), id="other"),
        ],
        acts=[(soon, cancel)],
    ),
    "failing branch": Story(
        [
            definition(
                side_by_side(
                    "fan",
                    [mapped("each", wait("w", 60))],
                    [step("child", "execute", definition="other")],
                    [wait("v", 2), step("f", "fail", error="Odd", cause="no")],
                ),
                step("e"),
            ),
            definition(call("x"), wait("w2", 60), id="other"),
        ],
        items(7),
    ),
    "caught branch": Story(
        [
            definition(
                side_by_side(
                    "fan",
                    [mapped("each", call("x"), wait("w", 60))],
                    [wait("v", 2), step("f", "fail", error="Odd", cause="no")],
                    catch=[{"errors": ["Odd"], "next": "e"}],
                ),
                call("e"),
            ),
        ],
        items(7),
    ),
    "fan-out out of time": Story(
        [
            definition(
                mapped("each", call("x"), wait("w", 60), timeoutSeconds=3, catch=[{"errors": ["*"], "next": "e"}]),
                call("e"),
            ),
        ],
        items(7),
    ),
    "redriven tree": Story(
        [definition(mapped("each", call("x"), call("late")), call("b"))],
        items(11),
        [(ended, redrive)],
        broken,
    ),
    "redriven branches": Story(
        [
            definition(
                side_by_side("fan", [call("a"), call("late")], [wait("w", 3)], [mapped("each", wait("w2", 4))]),
                call("b"),
            )
        ],
        items(4),
        [(ended, redrive)],
        broken,
    ),
    "redriven execute": Story(
        [
            definition(call("a"), step("child", "execute", definition="other"), call("b")),
            definition(call("x"), call("late"), id="other"),
        ],
        acts=[(ended, redrive)],
        answer=broken,
    ),
    "cancelled and redriven tree": Story(
        [definition(mapped("each", call("x"), wait("w", 800)), step("e"))],
        items(11),
        [(soon, cancel), (ended, redrive)],
    ),
}


def act(world: World, action: Act, execution_id: str) -> bool:
    """Do something from outside as callers do: who was cut off tries again. True when the process died on the way."""
    died = False
    while True:
        try:
            action(world, execution_id)
        except Crash:
            died = True
            continue
        except (SedoError, BatchFailed):
            if not died:
                raise
        return died


def begin(world: World, story: Story) -> tuple[str, bool]:
    """Start by name, as who was cut off does again; True when the process died on the way."""
    died = False
    while True:
        try:
            return world.start(input=story.input, name="story"), died
        except Crash:
            died = True


def tell(world: World, story: Story, *, watched: bool = False) -> str:
    """Let a story happen, without a watchdog unless a caller's process died or `watched`; return the execution's id."""
    execution_id, ticks = begin(world, story)
    ticks = ticks or watched
    for ready, action in story.acts:
        until = world.now_ms + GIVE_UP_MS
        world.run(10, ticks=ticks)
        while not ready(world, execution_id):
            assert world.now_ms < until, "what a caller waits for never comes"
            world.run(10, ticks=ticks)
        ticks = act(world, action, execution_id) or ticks
    until = world.now_ms + GIVE_UP_MS
    while world.now_ms < until and not all(head.ended for head in world.heads().values()):
        world.run(1000, ticks=ticks)
    world.run(5000, ticks=ticks)  # what comes late finds everything done
    return execution_id


def outcome(world: World, execution_id: str) -> dict[str, Any]:
    """What is the same however often processes die: how each execution ended, and what was done in it."""
    found = {}
    for name, head in world.heads().items():
        assert head.ended, f"{name} has not ended: {head}"
        course = Counter((event.type, event.step) for event in world.history(name))
        found[name] = (head.state, head.output, head.error and head.error["name"], course)
    assert world.messages(READY) == world.messages(TIMEOUT) == 0
    return found


def rough(found: dict[str, Any]) -> dict[str, Any]:
    """The same without what depends on who comes first."""
    return {name: entry[:3] for name, entry in found.items()}

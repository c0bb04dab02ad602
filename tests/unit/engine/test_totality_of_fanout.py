"""Nothing makes the engine raise, with branches, children, tasks and signals inside each other: see test_totality.

- every execution ends, when everybody answers in the end
- any event at any time is decided, in any order
- a head that is damaged ends visibly, whatever stands in its cursors
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.engine import fanout, walk
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import look_token
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.events import (
    AllPerformed,
    Answered,
    Arrived,
    Beat,
    CancelRequested,
    ChildrenEnded,
    Claimed,
    Cover,
    Event,
    Looked,
    Performed,
    ProcessingGivenUp,
    Redriven,
    Signalled,
    TimeIsUp,
)
from chalicelib.engine.execution import Cursor, State
from chalicelib.engine.redrive import obstacle
from tests.unit.engine.strategies import fan_outs, jsons
from tests.unit.engine.test_totality import answers, moments, quick
from tests.unit.engine.world import T0, World, done

STATES = ("StepStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionCancelled")


def child_of(task: Task, state: str) -> dict[str, Any]:
    came = done(task) | {"state": state}
    if state != "ExecutionSucceeded":
        came.pop("output")
        came["error"] = {"name": "Odd", "cause": "of the child", "step": "x"}
    return came


def everybody_answers(world: World) -> None:
    """Let whoever is waited for do what is waited for."""
    for cursor in world.head.cursors:
        if cursor.waits == "task":
            world.decide(Answered(cursor.visit, cursor.attempt, TaskResult("well"), "ann", world.nonce()))
            return
        if cursor.waits == "signal":
            world.decide(Signalled((cursor.held or {})["name"], 1, None, "ann", world.nonce()))
            return


@settings(quick, max_examples=60)
@given(fan_outs(), jsons, st.lists(answers, max_size=6), st.lists(st.sampled_from(STATES), max_size=4), st.booleans())
def test_every_execution_of_every_fan_out_ends(
    document: Any, input: Any, given_answers: list[Any], states: list[str], inline: bool
) -> None:
    left, living = list(given_answers), list(states)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "WIDTH", 3)
        patch.setattr(walk, "MAX_STEPS", 7)
        world = World(document, input, lambda _: left.pop() if left else TaskResult({"status": 200}), inline=inline)
        world.child = lambda task: child_of(task, living.pop() if living else "ExecutionSucceeded")
        world.begin()
        for _ in range(3000):
            if world.head.ended:
                break
            if world.sends or world.head.due_at_ms is not None:
                world.deliver()
            else:
                everybody_answers(world)
        assert world.head.ended, "it never ends"
    outcomes = Counter(event.visit for event in world.events if event.type in ("StepSucceeded", "StepFailed"))
    assert not [visit for visit, times in outcomes.items() if times > 1], "every visit has one outcome"


numbers = st.integers(0, 6)
tokens = st.sampled_from(
    ["1.1", "2.1", "3.1", "1.1.t1", "2.1.t1", "1.1.s0", "2.1.s0", "0.2", "c1.1.0", "c2.1.0", "c1.1.1", "x"]
) | st.just(look_token(T0 + 10**7))
covers = st.none() | st.builds(Cover, token=tokens, until_ms=st.sampled_from([0, T0 + 10**6]))
paths = st.sampled_from(["", "n1/0", "n2/0", "n2/1", "n3/0", "n3/0/n2/0", "n4/0/n2/1", "~", "n1/x"])
children = st.fixed_dictionaries(
    {"id": st.just("c"), "state": st.sampled_from(STATES), "life": st.integers(1, 2)},
    optional={"error": st.none() | st.fixed_dictionaries({"name": st.just("Odd"), "cause": st.just("why")})},
).map(lambda child: {"error": None, "output": {"items": [1], "failed": 0}} | child)
results = answers | st.builds(TaskResult, value=children)
performed = st.builds(
    Performed, visit=numbers, attempt=st.integers(0, 2), result=results, by=st.just("n"), cover=covers, path=paths
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Arrived, token=tokens, by=st.just("n"), cover=covers),
    performed,
    st.builds(AllPerformed, results=st.lists(performed, max_size=3).map(tuple), by=st.just("n"), cover=covers),
    st.builds(TimeIsUp, token=tokens, by=st.just("n")),
    st.builds(ChildrenEnded, children=st.lists(st.tuples(tokens, children), max_size=3).map(tuple), by=st.just("n")),
    st.builds(
        Answered, visit=numbers, attempt=st.integers(0, 2), answer=answers, actor=st.just("ann"), by=st.just("n")
    ),
    st.builds(Beat, visit=numbers, attempt=st.just(1), by=st.just("n")),
    st.builds(Claimed, visit=numbers, attempt=st.just(1), actor=st.just("a"), claimed=st.booleans(), by=st.just("n")),
    st.builds(
        Signalled,
        name=st.sampled_from(["go", "stop"]),
        payload=jsons,
        id=st.none() | st.just("once"),
        actor=st.just("a"),
        by=st.just("n"),
    ),
    st.builds(Redriven, version=st.just(1), actor=st.just("me"), by=st.just("n"), life=st.none() | st.just(5)),
    st.builds(Looked, by=st.just("n"), due_at_ms=moments),
    st.builds(CancelRequested, cause=st.none(), actor=st.just("me"), by=st.just("n")),
    st.builds(ProcessingGivenUp, token=tokens, cause=st.just("why"), by=st.just("n")),
)


@settings(quick, max_examples=80)
@given(fan_outs(), jsons, st.lists(st.tuples(events, moments, st.integers(0, 9)), max_size=10))
def test_any_event_at_any_time_is_decided(document: Any, input: Any, happenings: list[tuple[Event, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "WIDTH", 3)
        world = World(document, input)
        world.begin()
        for event, now, gone in happenings:
            world.now = now
            world.decide(event, definition=None if gone == 0 else "own")


_MEMBERS = """
    n next failed allowed quota size results slot child looks started timer life over gather human roles name title
    openedAt beatAt claimedBy ids news
"""
held_members = st.dictionaries(
    st.sampled_from(_MEMBERS.split()),
    st.sampled_from([0, 1, 2, 7, -1, True, False, None, "x", [], {}, ["a"], {"0": 1}, 1.5]),
    max_size=8,
)
damaged = st.builds(
    Cursor,
    path=paths,
    step=st.sampled_from(["n1", "n2", "n3", "n4", "gone", ""]),
    visit=numbers,
    attempt=st.integers(0, 2),
    token=tokens,
    by=st.just("n"),
    input=jsons,
    due_at_ms=moments,
    watch_at_ms=moments,
    in_index=st.booleans(),
    sleeping=st.booleans(),
    timeout_at_ms=st.none() | moments,
    unshaped=st.booleans(),
    waits=st.sampled_from([None, "task", "signal", "branches", "child", "odd", 3]),
    held=st.none() | held_members | st.sampled_from([3, [], "x"]),
    vars=st.none()
    | st.dictionaries(st.sampled_from(["stash", "item", "index"]), st.sampled_from([1, None, {}, "x"]), max_size=3),
)


WAITING = {
    "id": "example",
    "steps": [
        {
            "id": "n1",
            "type": "parallel",
            "end": True,
            "branches": [
                {"steps": [{"id": "ask", "type": "human", "end": True}]},
                {"steps": [{"id": "go", "type": "signal", "name": "go", "timeoutSeconds": 60, "end": True}]},
                {"steps": [{"id": "other", "type": "execute", "definition": "other", "end": True}]},
                {
                    "steps": [
                        {
                            "id": "n2",
                            "type": "map",
                            "items": [1, 2, 3, 4, 5, 6, 7],
                            "maxConcurrency": 2,
                            "steps": [{"id": "n3", "type": "wait", "seconds": 9, "end": True}],
                            "end": True,
                        }
                    ]
                },
                {
                    "steps": [
                        {
                            "id": "n4",
                            "type": "map",
                            "items": [1, 2],
                            "steps": [{"id": "n5", "type": "http", "url": "https://x.example/", "end": True}],
                            "end": True,
                        }
                    ]
                },
            ],
        }
    ],
}
changes = st.tuples(
    st.integers(0, 12),
    st.one_of(
        st.fixed_dictionaries({"waits": st.sampled_from([None, "task", "signal", "branches", "child", "odd", 3])}),
        st.fixed_dictionaries({"held": st.none() | held_members | st.sampled_from([3, [], "x"])}),
        st.fixed_dictionaries({"step": st.sampled_from(["gone", "", "n1", "n3", "ask"])}),
        st.fixed_dictionaries({"path": paths}),
        st.fixed_dictionaries(
            {"vars": st.sampled_from([3, {"stash": 1}, {"item": 1}, {"index": 1}, {"stash": {"a": 1}}])}
        ),
        held_members.map(lambda members: {"more": members}),
    ),
)


ENDING = {"state": "ExecutionFailed", "output": None, "error": None}
STRANGE: tuple[Any, ...] = (7, "x", [], None, -1)
ODD_ENDS: tuple[Any, ...] = ({**ENDING, "state": ["ExecutionFailed"]}, {**ENDING, "state": "StepStarted"})
NO_PARENTS: tuple[Any, ...] = (
    {},
    {"id": "p"},
    {"token": "t"},
    {"id": 3, "token": "t"},
    {"id": "p", "token": "t", "start": 0},
    {"id": "p", "token": "t", "start": 0, "step": "s"},
    {"id": "p", "token": "t", "start": "0", "step": "s", "allowed": 0, "quota": None},
    "p",
    [],
    3,
)


@settings(quick, max_examples=400)
@given(
    st.lists(changes, min_size=1, max_size=3),
    st.lists(damaged, max_size=2),
    st.lists(st.tuples(events, moments, st.integers(0, 9)), min_size=1, max_size=5),
    st.sampled_from([None, None, None, {}, 3, ENDING, *({**ENDING, "at": at} for at in STRANGE), *ODD_ENDS]),
    st.sampled_from([None, None, {"id": "p", "token": "t"}, *NO_PARENTS]),
    st.booleans(),
)
def test_damaged_heads_are_decided_too(
    damage: list[tuple[int, dict[str, Any]]],
    more: list[Cursor],
    happenings: list[tuple[Event, int, int]],
    ending: Any,
    parent: Any,
    kept: bool,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "WIDTH", 3)
        world = World(WAITING)
        world.child = lambda task: child_of(task, "StepStarted")
        world.begin()
        head = world.head
        cursors = list(head.cursors)
        for place, change in damage:
            cursor = cursors[place % len(cursors)]
            held = cursor.held if isinstance(cursor.held, dict) else {}
            known = {"held": held | change["more"]} if "more" in change else change
            cursors[place % len(cursors)] = replace(cursor, **known)
        if kept:
            world.head = world.decide(CancelRequested(None, "me", "n")).execution
            head = replace(
                world.head, kept=(*cursors, *more), state=State.CANCELLED, cursors=(), ending=None, parent=parent
            )
            happenings = [(Redriven(1, "me", "n"), T0, 1), *happenings]
        else:
            head = replace(head, cursors=(*cursors, *more), ending=ending, parent=parent)
        for event, now, gone in [*happenings, *((Arrived(c.token, "n"), T0 + 10**7, 1) for c in cursors)]:
            chosen = None if gone == 0 else world.definition
            decision = decide(chosen, head, event, now, world.policy)
            assert decision == decide(chosen, head, event, now, world.policy)
            head = decision.execution


@pytest.mark.parametrize("parent", NO_PARENTS)
@pytest.mark.parametrize(
    "event", [Arrived("1.1", "n"), Looked("n", 0), CancelRequested(None, "me", "n"), TimeIsUp("1.1", "n")]
)
def test_child_of_a_parent_that_is_none_ends_visibly(parent: Any, event: Event) -> None:
    world = World(WAITING)
    world.begin()
    head = replace(world.head, parent=parent, cursors=world.head.cursors[:1])
    decision = decide(world.definition, head, event, T0 + 10**7, world.policy)
    assert (decision.execution.error or {})["name"] == "Sedo.ProcessingFailed"
    assert decision.execution.ended
    assert decision.execution.parent is None


@pytest.mark.parametrize("ending", [*ODD_ENDS, {}, 3, "x"])
def test_end_that_is_none_ends_visibly(ending: Any) -> None:
    world = World(WAITING)
    world.begin()
    head = replace(world.head, ending=ending, cursors=world.head.cursors[:1])
    decision = decide(world.definition, head, Looked("n", 0), T0, world.policy)
    assert (decision.execution.error or {})["name"] == "Sedo.ProcessingFailed"


@pytest.mark.parametrize("at", STRANGE[1:])
def test_end_whose_moment_is_none_ends_visibly(at: Any) -> None:
    world = World(WAITING)
    world.begin()
    head = replace(world.head, ending={**ENDING, "at": at}, cursors=world.head.cursors[:1])
    decision = decide(world.definition, head, Looked("n", 0), T0 + 10**7, world.policy)
    assert decision.execution.ended
    assert (decision.execution.error or {})["name"] == "Sedo.ProcessingFailed"


def test_part_that_does_not_know_its_step_cannot_be_redriven() -> None:
    world = World(WAITING)
    world.begin()
    part = {"id": "p", "token": "t", "start": 0}
    damaged_part = replace(world.head, state=State.CANCELLED, kept=world.head.cursors, cursors=(), parent=part)
    assert "damaged" in (obstacle(world.definition, damaged_part) or "")

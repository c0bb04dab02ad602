"""What callers do: starts by name are idempotent, cancels work in every state, and both survive a lost message.

- the same name and input: the same execution; another input or version: NameTaken
- a repeated start sends again what the first one made and nothing has moved since, its children's steps too
- a cancel ends a live execution in one commit, whatever it waits for; what comes later changes nothing
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import inbox, service
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.history import HistoryEvent
from chalicelib.ports import Unavailable
from chalicelib.service import AlreadyEnded, NameTaken, NotFound
from tests.unit.protocol.world import (
    READY,
    TENANT,
    TIMEOUT,
    World,
    call,
    definition,
    side_by_side,
    step,
    unavailable,
    wait,
)


def test_start_by_name_with_the_same_input_is_the_same_execution() -> None:
    world = World(definition(wait("w", 60), step("e")))
    first = world.start(input={"a": 1, "b": [2.0]}, name="order-1")
    assert world.start(input={"b": [2.0], "a": 1}, name="order-1") == first
    world.run(61, ticks=False)
    assert world.start(input={"a": 1, "b": [2.0]}, name="order-1") == first  # also when it has ended
    assert world.kinds(first).count("ExecutionSubmitted") == 1
    assert len(world.memory.list_executions(TENANT, 10).items) == 1


def test_start_by_name_with_another_input_is_a_conflict() -> None:
    world = World(definition(wait("w", 60), step("e")))
    first = world.start(input={"a": 1}, name="order-1")
    before = world.head(first)
    for other in ({"a": 2}, {"a": True}, {"a": 1, "b": None}):
        with pytest.raises(NameTaken, match=first):
            world.start(input=other, name="order-1")
    assert world.head(first) == before


def test_start_by_name_with_another_version_is_a_conflict() -> None:
    world = World(definition(wait("w", 60), step("e")))
    world.start(name="order-1")
    service.post_definition(world.runtime, TENANT, definition(wait("w", 61), step("e")))
    world.start(name="order-1")  # no version asked for: the first one's is fine
    with pytest.raises(NameTaken):
        service.start_execution(world.runtime, TENANT, "d", {}, actor="tests", name="order-1", version=2)


def test_names_are_of_a_tenant_and_a_definition() -> None:
    world = World(definition(wait("w", 60), step("e")), definition(wait("w", 60), step("e"), id="other"))
    assert world.start("d", name="x") != world.start("other", name="x")


@pytest.mark.parametrize("steps", [[call("a")], [wait("w", 60)]])
def test_repeated_start_sends_the_first_message_again_while_the_head_has_not_moved(steps: list[dict[str, Any]]) -> None:
    world = World(definition(*steps, step("e")))
    with world.hooked(unavailable("send")):
        execution_id = world.start(name="once")
    assert world.messages(READY) + world.messages(TIMEOUT) == 0
    world.advance(20)
    assert world.start(name="once") == execution_id
    assert world.messages(READY) + world.messages(TIMEOUT) == 1
    world.run(41, ticks=False)
    ended_at = world.head(execution_id).ended_at_ms
    assert ended_at is not None
    assert ended_at - world.head(execution_id).started_at_ms <= 60_000  # with the delay that was left


def test_repeated_start_sends_nothing_once_the_head_has_moved() -> None:
    world = World(definition(call("a"), wait("w", 60), step("e")))
    execution_id = world.start(name="once")
    world.deliver()
    assert world.start(name="once") == execution_id
    assert (world.messages(READY), world.messages(TIMEOUT)) == (0, 1)


def test_start_whose_sends_fail_is_started_all_the_same() -> None:
    """The head is written, so the caller hears that it is, and the watchdog sends."""
    world = World(definition(call("a"), step("e")))
    with world.hooked(unavailable("send", times=5)):
        execution_id = world.start()
    world.run(130)
    assert world.head(execution_id).ended


def test_start_that_could_not_be_written_is_an_error() -> None:
    world = World(definition(call("a"), step("e")))
    with world.hooked(unavailable("commit")), pytest.raises(Unavailable):
        world.start()
    assert world.messages(READY) == 0
    assert not world.memory.list_executions(TENANT, 10).items


def test_start_whose_answer_was_lost_runs_and_a_repeat_by_name_finds_it() -> None:
    world = World(definition(call("a"), step("e")))
    with world.hooked(unavailable("commit", when="after")), pytest.raises(Unavailable):
        world.start(name="once")
    execution_id = world.start(name="once")
    world.drain()
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


KID = definition(step("x"), id="kid")
CHILD = step("c", "execute", definition="kid")
"""Whoever comes to this step in a call of the API starts the child in the same call."""


def test_refused_message_of_what_a_start_went_on_to_is_sent_again() -> None:
    world = World(KID, definition(CHILD, call("a"), step("e")))
    with world.hooked(unavailable("send")):
        execution_id = world.start()
    assert world.head(execution_id).version == 2
    world.drain()
    head = world.head(execution_id)
    assert head.state == "ExecutionSucceeded"
    assert head.ended_at_ms == head.started_at_ms
    assert len(world.outside.calls) == 1


def test_start_whose_children_cannot_be_started_at_once_goes_the_way_of_all_others() -> None:
    world = World(KID, definition(CHILD, call("a"), step("e")))

    def broken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].definition_id == "kid":
            raise RuntimeError("the code itself breaks")

    with world.hooked(broken):
        execution_id = world.start()
    assert world.head(execution_id).version == 1
    assert world.messages(READY) == 1
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_start_that_breaks_after_a_refusal_sends_what_was_refused() -> None:
    """Two children one after the other: the second cannot be started, and what the first one led to was refused."""
    side = [[CHILD, wait("w", 5)], [step("d", "execute", definition="other")]]
    document = definition(side_by_side("both", *side), step("e"))
    world = World(KID, definition(step("y"), id="other"), document)
    broken = [2]

    def hook(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].definition_id == "other" and broken[0] > 0:
            broken[0] -= 1
            raise RuntimeError("the code itself breaks")

    with world.hooked(hook), world.hooked(unavailable("send")):
        execution_id = world.start()
    assert world.head(execution_id).version == 2
    world.drain()
    world.run(6, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_start_with_a_child_whose_sends_all_fail_is_found_by_the_watchdog_or_a_repeat_by_name() -> None:
    for repeated in (False, True):
        world = World(KID, definition(CHILD, call("a"), step("e")))
        with world.hooked(unavailable("send", times=5)):
            execution_id = world.start(name="once")
        assert world.messages(READY) == 0
        if repeated:
            assert world.start(name="once") == execution_id
            assert world.messages(READY) == 1
        world.run(1 if repeated else 130, ticks=not repeated)
        assert world.head(execution_id).ended
        assert world.start(name="once") == execution_id
        assert world.messages(READY) == 0


def test_same_answer_again_sends_what_the_first_one_went_on_to() -> None:
    ask = {"id": "ask", "type": "human", "title": "Well?"}
    world = World(KID, definition(ask, CHILD, call("a"), step("e")))
    execution_id = world.start()
    world.drain()
    [token] = world.tasks(execution_id)
    with world.hooked(unavailable("send", times=5)):
        inbox.answer(world.runtime, TENANT, token, TaskResult(value=1), actor="tests")
    assert world.messages(READY) == 0
    inbox.answer(world.runtime, TENANT, token, TaskResult(value=1), actor="tests")
    world.drain()
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 1


STATES: dict[str, list[dict[str, Any]]] = {
    "before the first call": [call("a"), step("e")],
    "in a short wait": [wait("w", 60), step("e")],
    "in a long wait": [wait("w", 86_400), step("e")],
    "between two retries": [call("a", retry=[{"errors": ["*"], "intervalSeconds": 300}]), step("e")],
    "with a step timeout": [wait("w", 86_400, timeoutSeconds=3600), step("e")],
    "in pure work that goes on": [step("more", next="again"), step("again", next="more")],
}


@pytest.mark.parametrize("state", STATES)
def test_cancel_in_every_live_state(state: str) -> None:
    world = World(definition(*STATES[state], maxTransitions=9000, timeoutSeconds=90_000), tick_seconds=600)
    execution_id = world.start()
    if state == "between two retries":
        world.outside.answer = lambda task: TaskResult(error="Http.500", cause="no")
        world.deliver()
    head = world.cancel(execution_id, "not wanted")
    assert head.state == "ExecutionCancelled"
    assert head.error is not None
    assert (head.error["name"], head.error["cause"]) == ("Execution.Cancelled", "not wanted")
    assert head.due_at_ms is None
    assert not head.cursors
    events = world.history(execution_id)
    assert [event.type for event in events[-2:]] == ["CancelRequested", "ExecutionCancelled"]
    assert events[-2].details == {"cause": "not wanted", "actor": "tests"}
    calls = len(world.outside.calls)
    world.run(100_000)
    assert world.history(execution_id) == events  # terminal is final
    assert len(world.outside.calls) == calls
    assert world.messages(READY) == world.messages(TIMEOUT) == 0


def test_cancel_during_an_outside_call_wins_and_its_result_is_dropped() -> None:
    world = World(definition(call("a"), call("b"), step("e")))
    execution_id = world.start()

    def answer(task: Task) -> TaskResult:
        world.cancel(execution_id)
        return TaskResult(value=1)

    world.outside.answer = answer
    assert world.deliver() is None
    assert len(world.outside.calls) == 1
    assert world.kinds(execution_id)[-1] == "ExecutionCancelled"
    assert world.messages(READY) == 0


def test_cancel_twice_is_the_same_cancel() -> None:
    world = World(definition(wait("w", 60), step("e")))
    execution_id = world.start()
    assert world.cancel(execution_id, "one") == world.cancel(execution_id, "two")
    assert world.kinds(execution_id).count("CancelRequested") == 1


@pytest.mark.parametrize(
    "steps", [[step("e")], [{"id": "f", "type": "fail", "error": "Own.Error", "cause": "so it is"}]]
)
def test_cancel_of_an_ended_execution_is_refused(steps: list[dict[str, Any]]) -> None:
    world = World(definition(*steps))
    execution_id = world.start()
    before: list[HistoryEvent] = world.history(execution_id)
    with pytest.raises(AlreadyEnded):
        world.cancel(execution_id)
    assert world.history(execution_id) == before


def test_cancel_of_an_unknown_execution_or_another_tenants() -> None:
    world = World(definition(wait("w", 60), step("e")))
    execution_id = world.start()
    with pytest.raises(NotFound):
        world.cancel(f"{TENANT}:d:nowhere")
    with pytest.raises(NotFound):
        service.cancel_execution(world.runtime, "another", execution_id, None, actor="tests")


def test_cancel_that_loses_a_race_is_decided_again() -> None:
    world = World(definition(call("a"), wait("w", 60), step("e")))
    execution_id = world.start()
    once = [True]

    def race(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and once:
            once.clear()
            world.deliver()

    with world.hooked(race):
        assert world.cancel(execution_id).state == "ExecutionCancelled"
    assert world.kinds(execution_id)[-3:] == ["StepStarted", "CancelRequested", "ExecutionCancelled"]


def test_cancel_whose_definition_is_gone_or_unreadable() -> None:
    world = World(definition(wait("w", 60), step("e")))
    execution_id = world.start()
    world.runtime._parsed.clear()
    world.memory._versions.clear()
    assert world.cancel(execution_id).state == "ExecutionCancelled"


def test_messages_hold_nothing_but_names() -> None:
    """No state and no path travels, so that no message can be out of date."""
    world = World(definition(call("a"), step("e")))
    world.start(input={"secret": "s3cret"})
    [body] = world.queues.bodies(READY)
    assert set(json.loads(body)) == {"executionId", "token", "n", "kind", "lives"}
    assert "s3cret" not in body

"""What people and machines say to an execution, over races, lost writes and lost messages.

- of two different answers at once exactly one counts, and the other one hears so
- what was checked before the write is checked again when somebody else wrote first
- an answer whose write or messages were lost is repeated by its caller, and goes on without any watchdog
- what arrives in a head that cannot be driven any more is not called taken
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import inbox, redriving, signals
from chalicelib.engine.effects import TaskResult
from chalicelib.inbox import TaskConflict, TaskGone
from chalicelib.ports import Unavailable
from chalicelib.redriving import CannotRedrive
from chalicelib.service import AlreadyEnded
from tests.unit.protocol.world import TENANT, Hook, World, call, definition, unavailable

HUMAN = {"id": "approve", "type": "human"}


def world_with_a_task(*steps: dict[str, Any]) -> tuple[World, str, str]:
    world = World(definition(HUMAN, *steps or (call("charge"),)))
    execution_id = world.start()
    (task,) = inbox.open_tasks(world.runtime, TENANT, 10, None, None).items
    return world, execution_id, task.token


def answer(world: World, token: str, value: Any = "yes", actor: str = "jo") -> None:
    inbox.answer(world.runtime, TENANT, token, TaskResult(value), actor=actor)


def meanwhile(act: Callable[[], None]) -> Hook:
    """Let somebody else act between the decision and the write of the first one."""
    done: list[bool] = []

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == ("commit", "before") and not done:
            done.append(True)
            act()

    return hook


def test_of_two_answers_at_once_one_counts() -> None:
    world, execution_id, token = world_with_a_task()
    with (
        world.hooked(meanwhile(lambda: answer(world, token, "no", "al"))),
        pytest.raises(TaskConflict, match="otherwise"),
    ):
        answer(world, token)
    world.run(1, ticks=False)
    answered = [event for event in world.history(execution_id) if event.type == "TaskAnswered"]
    assert [event.details["actor"] for event in answered] == ["al"]
    assert world.outside.calls == [f"{execution_id}//charge/2"]


def test_the_same_answer_twice_at_once_is_fine() -> None:
    world, execution_id, token = world_with_a_task()
    with world.hooked(meanwhile(lambda: answer(world, token))):
        answer(world, token)
    world.run(1, ticks=False)
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"
    assert len(world.outside.calls) == 1


def test_a_claim_that_comes_first_counts() -> None:
    world, execution_id, token = world_with_a_task()

    def claim() -> None:
        inbox.claim(world.runtime, TENANT, token, actor="al", claimed=True)

    with world.hooked(meanwhile(claim)), pytest.raises(TaskConflict, match="claimed by al"):
        answer(world, token)
    with world.hooked(meanwhile(lambda: None)), pytest.raises(TaskConflict, match="claimed by al"):
        inbox.claim(world.runtime, TENANT, token, actor="jo", claimed=True)
    assert "TaskAnswered" not in world.kinds(execution_id)


@pytest.mark.parametrize("say", ["answer", "heartbeat", "claim"])
def test_a_cancel_that_comes_first_counts(say: str) -> None:
    world, execution_id, token = world_with_a_task()
    acts: dict[str, Callable[[], None]] = {
        "answer": lambda: answer(world, token),
        "heartbeat": lambda: inbox.heartbeat(world.runtime, TENANT, token),
        "claim": lambda: inbox.claim(world.runtime, TENANT, token, actor="jo", claimed=True),
    }
    world.cancel(execution_id)
    before = world.head(execution_id)
    with pytest.raises(TaskGone, match="ExecutionCancelled"):
        acts[say]()
    assert world.head(execution_id) == before


@pytest.mark.parametrize("lost", [("commit", "before"), ("commit", "after"), ("send", "before")])
def test_a_repeated_answer_makes_good_what_was_lost(lost: tuple[str, str]) -> None:
    world, execution_id, token = world_with_a_task()
    method, when = lost
    with world.hooked(unavailable(method, when=when)):
        if method == "commit":
            with pytest.raises(Unavailable):
                answer(world, token)
        else:
            answer(world, token)
    world.run(5, ticks=False)
    assert world.kinds(execution_id)[-1] != "ExecutionSucceeded"
    answer(world, token)
    world.run(5, ticks=False)
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"
    assert world.kinds(execution_id).count("TaskAnswered") == 1


def test_an_answer_whose_messages_were_lost_goes_on_without_its_caller_too() -> None:
    world, execution_id, token = world_with_a_task()
    with world.hooked(unavailable("send")):
        answer(world, token)
    world.run(300)
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"


def test_nothing_is_taken_by_an_execution_whose_definition_cannot_be_found() -> None:
    world, execution_id, token = world_with_a_task({"id": "s", "type": "signal", "name": "paid"})
    other = world.start()
    world.memory._versions.clear()
    world.runtime._parsed.clear()
    with pytest.raises(TaskGone, match="was not answered"):
        answer(world, token)
    assert "TaskAnswered" not in world.kinds(execution_id)
    with pytest.raises(AlreadyEnded, match="ExecutionFailed"):
        signals.send_signal(world.runtime, TENANT, other, "paid", 1, id=None, actor="jo")
    assert "SignalReceived" not in world.kinds(other)


def test_of_two_redrives_at_once_one_counts() -> None:
    world = World(definition(call("charge")))
    world.outside.answer = lambda task: TaskResult(error="Http.500", cause="of the test")
    execution_id = world.start()
    world.drain()

    def redrive() -> None:
        redriving.redrive_execution(world.runtime, TENANT, execution_id, None, actor="jo")

    with world.hooked(meanwhile(redrive)), pytest.raises(CannotRedrive, match="it has not ended"):
        redrive()
    assert world.head(execution_id).life == 2


def test_a_redrive_whose_messages_were_lost_goes_on_by_the_watchdog() -> None:
    world = World(definition(call("charge")))
    fine = world.outside.answer
    world.outside.answer = lambda task: TaskResult(error="Http.500", cause="of the test")
    execution_id = world.start()
    world.drain()
    world.outside.answer = fine
    with world.hooked(unavailable("send")):
        redriving.redrive_execution(world.runtime, TENANT, execution_id, None, actor="jo")
    world.run(300)
    assert world.head(execution_id).state == "ExecutionSucceeded"

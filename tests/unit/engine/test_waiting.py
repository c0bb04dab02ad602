"""Waits for people, callbacks, signals and children: answers early and late, heartbeats, mailboxes, and new lives."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine import said, values
from chalicelib.engine.decide import decide
from chalicelib.engine.definition import parse
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.events import Answered, Arrived, Beat, ChildrenEnded, Claimed, Performed, Redriven, Signalled
from chalicelib.engine.redrive import obstacle
from tests.unit.engine.world import MINUTE, SECOND, World, document, failing

URL = "https://x.example/"
ASK: dict[str, Any] = {"id": "ask", "type": "human", "title": "May ${ input }?"}
BACK: dict[str, Any] = {"id": "back", "type": "callback", "via": {"http": {"url": URL + "${ task.token }"}}}
GO: dict[str, Any] = {"id": "go", "type": "signal", "name": "go"}
CHILD: dict[str, Any] = {"id": "child", "type": "execute", "definition": "other"}


def begun(*steps: dict[str, Any], input: Any = "Ann", **fields: Any) -> World:
    return World(document(*steps, **fields), input).settle()


def signal(name: str = "go", payload: Any = None, id: str | None = None) -> Signalled:
    return Signalled(name, payload, id, "ann", "s")


def test_answer_goes_on_with_its_value_and_is_written_down() -> None:
    world = begun(ASK, {"type": "pass", "output": "${ input.yes }"})
    assert world.sends == []
    assert world.head.due_at_ms is None
    assert world.tell(value={"yes": True})
    assert world.head.output is True
    assert "TaskAnswered ask" in world.trail
    assert not world.hear(Answered(1, 1, TaskResult(1), "bob", "x")), "once"


def test_texts_of_a_task_are_kept_as_long_as_they_may_be_written() -> None:
    held = begun({**ASK, "title": "t" * 1024, "description": "d" * 8192}).head.cursors[0].held or {}
    assert (held["title"], held["description"]) == ("t" * 1024, "d" * 8192)
    filled = begun({**ASK, "title": "${ input }", "description": "${ input }"}, input="x" * 9000)
    held = filled.head.cursors[0].held or {}
    assert (len(held["title"]), len(held["description"])) == (1024, 8192)


def test_failed_task_may_be_retried_and_gets_another_token() -> None:
    world = begun({**ASK, "retry": [{"errors": ["No"], "maxAttempts": 2, "intervalSeconds": 5}]})
    world.tell(error="No")
    world.deliver()
    assert not world.hear(Answered(1, 1, TaskResult("late"), "ann", "x")), "the first one is gone"
    assert world.hear(Answered(1, 2, TaskResult("well"), "ann", "x"))
    assert world.head.output == "well"


def test_answer_that_no_head_can_hold_fails_the_step() -> None:
    world = begun(ASK)
    assert world.tell(value="x" * (values.MAX_VALUE_BYTES + 1))
    assert (world.head.error or {})["name"] == "Data.TooLarge"


@pytest.mark.parametrize("beat", [5, 5000])
def test_heartbeats_keep_a_task_open_and_their_end_fails_it(beat: float) -> None:
    world = begun({**BACK, "heartbeatSeconds": beat})
    for _ in range(3):
        world.now += round(beat * 800)
        assert world.hear(Beat(1, 1, world.nonce()))
        last = world.now
        while any(send.due_at_ms <= world.now for send in world.sends):
            world.deliver()
    assert not world.head.ended
    world.run(50)
    assert (world.head.error or {})["name"] == "Task.HeartbeatTimeout"
    assert last + beat * SECOND - 2000 <= world.now <= last + beat * SECOND + MINUTE
    assert not world.hear(Beat(1, 1, "late"))


def test_timer_that_comes_twice_does_not_fork() -> None:
    """An early timer gets a new token before it is set anew; its double finds nothing."""
    world = begun({**BACK, "heartbeatSeconds": 100})
    [timer] = [send for send in world.sends if send.due_at_ms > world.now]
    world.now += 60 * SECOND
    world.hear(Beat(1, 1, "beat"))
    world.now = timer.due_at_ms
    assert world.decide(Arrived(timer.token, "a")).sends
    assert not world.decide(Arrived(timer.token, "b")).changed


def test_early_answer_is_taken_while_the_call_is_still_out() -> None:
    world = World(document(BACK, {"type": "pass"}), "x")
    world.begin()
    [send] = world.sends
    [task] = world.decide(Arrived(send.token, "n")).tasks
    assert world.hear(Answered(task.visit, task.attempt, TaskResult("early"), "machine", "a"))
    assert world.head.output == "early"
    assert not world.decide(Performed(task.visit, task.attempt, TaskResult({}), "n")).changed


def test_call_that_fails_opens_no_task() -> None:
    world = World(document(BACK), "x", failing("Http.500")).run()
    assert (world.head.error or {})["name"] == "Http.500"
    assert "TaskOpened back" not in world.trail


def test_claim_is_one_persons_until_it_is_given_back() -> None:
    world = begun(ASK)
    assert world.hear(Claimed(1, 1, "ann", True, "x"))
    assert not world.hear(Claimed(1, 1, "ann", True, "x"))
    assert not world.hear(Claimed(1, 1, "bob", True, "x"))
    assert not world.hear(Claimed(1, 1, "bob", False, "x"))
    assert world.hear(Claimed(1, 1, "ann", False, "x"))
    assert world.hear(Claimed(1, 1, "bob", True, "x"))
    assert world.trail[-3:] == ["TaskClaimed ask", "TaskReleased ask", "TaskClaimed ask"]


def test_signals_are_taken_by_name_and_the_oldest_first() -> None:
    wait = {"id": "w", "type": "wait", "seconds": 5}
    world = begun(
        wait, GO, {**GO, "id": "go2", "stash": {"second": "${ output }"}}, {"type": "pass", "output": "${ stash }"}
    )
    assert world.hear(signal("other", 0))
    assert world.hear(signal(payload=1))
    assert world.hear(signal(payload=2))
    world.run()
    assert world.head.output == {"second": 2}
    assert [kept["name"] for kept in world.head.signals] == ["other"]


def test_signal_with_an_id_counts_once_also_after_it_was_taken() -> None:
    world = begun(GO, {**GO, "id": "go2"})
    assert world.hear(signal(payload=1, id="a"))
    assert not world.hear(signal(payload=1, id="a"))
    assert world.head.step == "go2"
    assert world.hear(signal(payload=2, id="b"))
    assert world.head.output == 2


def test_mailbox_holds_so_many_signals_and_no_more_than_a_value() -> None:
    world = begun({"id": "w", "type": "wait", "seconds": 5}, GO)
    for number in range(said.MAX_SIGNALS):
        assert world.hear(signal(payload=number))
    assert not world.hear(signal(payload="one too many"))
    world = begun({"id": "w", "type": "wait", "seconds": 5}, GO)
    large = "x" * (said.MAX_SIGNAL_BYTES - 100)
    assert world.hear(signal(payload=large))
    assert not world.hear(signal(payload=large))
    world.run()
    assert world.head.output == large


# execute


def test_execute_that_does_not_wait_goes_on_with_the_childs_id() -> None:
    world = World(document({**CHILD, "wait": False}), {"a": 1}).run()
    assert world.head.output == world.tasks[0].request["id"] == f"{world.head.id}.1.0"
    assert world.told == []
    assert [event.details for event in world.events if event.type == "ChildStarted"] == [
        {"executionId": world.head.output}
    ]


def test_silent_child_is_looked_at_after_growing_times() -> None:
    world = World(document(CHILD))
    world.child = lambda task: {"id": task.request["id"], "state": "StepStarted", "life": 1}
    world.settle()
    looks = []
    for _ in range(4):
        asked = len(world.tasks)
        while len(world.tasks) == asked:
            world.deliver()
        looks.append(round((world.now - world.head.started_at_ms) / MINUTE))
    assert looks == [15, 45, 105, 225]


def ends(token: str, state: str = "ExecutionSucceeded", life: int = 1, output: Any = "out") -> ChildrenEnded:
    child: dict[str, Any] = {"id": "c", "state": state, "life": life}
    child |= {"output": output} if state == "ExecutionSucceeded" else {"error": {"name": "Odd", "cause": "no"}}
    return ChildrenEnded(((token, child),), "e")


def waiting_for_child(**fields: Any) -> World:
    world = World(document({**CHILD, **fields}, {"type": "pass"}))
    world.child = lambda task: {"id": task.request["id"], "state": "StepStarted", "life": 1}
    return world.settle()


def test_end_of_a_child_counts_once() -> None:
    world = waiting_for_child()
    assert world.hear(ends("c1.1.0"))
    assert world.head.output == "out"
    assert not world.hear(ends("c1.1.0"))


def test_end_of_the_first_attempts_child_says_nothing_to_the_second() -> None:
    world = waiting_for_child(retry=[{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 0}])
    assert world.hear(ends("c1.1.0", "ExecutionFailed"))
    world.settle()
    assert not world.hear(ends("c1.1.0"))
    assert world.hear(ends("c1.2.0"))
    assert world.head.output == "out"


# Redrive


def failed(*steps: dict[str, Any], **fields: Any) -> World:
    return World(document(*steps, **fields), "x", failing("Http.500")).run()


def test_redrive_visits_what_failed_anew_and_counts_lives() -> None:
    call = {"id": "call", "type": "http", "url": URL}
    world = failed({"id": "first", "type": "pass", "stash": {"a": 1}}, call, maxTransitions=3)
    assert world.hear(Redriven(1, "me", "r"))
    assert not world.hear(Redriven(1, "me", "r")), "it lives"
    world.run()
    assert world.head.state == "ExecutionSucceeded"
    assert world.head.life == 2
    assert world.head.stash == {"a": 1}
    assert world.visited == ["first", "call", "call"]
    assert not world.hear(Redriven(1, "me", "r")), "it has succeeded"


def test_redrive_after_the_executions_time_gives_it_all_its_time_again() -> None:
    world = World(document({"id": "w", "type": "wait", "seconds": 50}, timeoutSeconds=60)).run()
    slow = World(document({"id": "w", "type": "wait", "seconds": 90}, timeoutSeconds=60)).run()
    assert (world.head.state, slow.head.state) == ("ExecutionSucceeded", "ExecutionTimedOut")
    slow.now += 10 * MINUTE
    slow.definition = parse(document({"id": "w", "type": "wait", "seconds": 5}, timeoutSeconds=60), 2)
    redriven_at = slow.now
    assert slow.hear(Redriven(2, "me", "r"))
    assert slow.head.deadline_at_ms == redriven_at + 60 * SECOND
    assert slow.head.definition_version == 2
    slow.run()
    assert slow.head.state == "ExecutionSucceeded"


def test_version_without_the_step_cannot_be_redriven() -> None:
    world = failed({"id": "call", "type": "http", "url": URL})
    other = parse(document({"id": "else", "type": "pass"}), 2)
    assert "no step 'call'" in (obstacle(other, world.head) or "")
    decision = decide(other, world.head, Redriven(2, "me", "r"), world.now)
    assert decision.execution is world.head
    assert not decision.changed


def test_messages_of_an_earlier_life_drive_nothing() -> None:
    """Not what failed, and not the timers of what waits again."""
    world = waiting_for_child(timeoutSeconds=60)
    old = list(world.sends)
    assert world.hear(ends("c1.1.0", "ExecutionFailed"))
    world.hear(Redriven(1, "me", "r"))
    world.sends = [send for send in world.sends if send not in old]
    world.child = lambda task: {"id": task.request["id"], "state": "StepStarted", "life": task.request["life"]}
    world.settle()
    assert world.tasks[-1].request["life"] == 2
    assert not any(send.token in {old_send.token for old_send in old} for send in world.sends)
    for send in old:
        if send.kind == "drive":
            assert not world.decide(Arrived(send.token, "late")).changed


def test_end_of_an_earlier_life_only_makes_the_parent_look_again() -> None:
    world = waiting_for_child()
    world.hear(ends("c1.1.0", "ExecutionFailed"))
    world.hear(Redriven(1, "me", "r"))

    def child(task: Task) -> dict[str, Any]:
        return {"id": task.request["id"], "state": "StepStarted", "life": 1}  # it is still ending its first life

    world.child = child
    world.settle()
    asked = len(world.tasks)
    assert world.hear(ends("c1.1.0", "ExecutionCancelled", life=1))
    world.settle()
    assert len(world.tasks) == asked + 1
    assert not world.head.ended
    assert world.hear(ends("c1.1.0", life=2))
    assert world.head.output == "out"

"""Branches and children, rule by rule: what may go wrong between a parent, its children and what they call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import children, inbox
from chalicelib.deliveries import BatchFailed
from chalicelib.engine import fanout
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DEFINITION_UNKNOWN
from tests.unit.protocol.trees import complete, items, signal
from tests.unit.protocol.world import (
    DEAD_LETTER,
    READY,
    TENANT,
    TIMEOUT,
    World,
    call,
    definition,
    mapped,
    side_by_side,
    step,
    wait,
)

OTHER = definition(call("x"), id="other")
EXECUTE = step("child", "execute", definition="other")
CAUGHT = [{"errors": ["*"], "stash": {"problem": "${ error.name }"}, "next": "saved"}]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few items are trees."""
    monkeypatch.setattr(fanout, "WIDTH", 3)


def poison(step: str) -> Any:
    def answer(task: Task) -> TaskResult:
        if task.step == step:
            raise RuntimeError("the code itself breaks")
        return TaskResult(value=task.step)

    return answer


def all_ended(world: World) -> dict[str, str]:
    assert not [name for name, head in world.heads().items() if not head.ended]
    for name in world.heads():
        world.history(name)
    return {name.rpartition(":")[2].partition(".")[2]: head.state.value for name, head in world.heads().items()}


# One poisonous branch


def test_poisonous_call_takes_nothing_from_its_healthy_siblings() -> None:
    world = World(definition(side_by_side("fan", [call("bad")], [call("a"), wait("w", 5), call("b")]), step("e")))
    execution_id = world.start()
    world.outside.answer = poison("bad")
    assert isinstance(world.deliver(), BatchFailed)
    assert [key.split("/")[-2] for key in world.outside.calls] == ["bad", "a"]
    world.run(30, ticks=False)
    assert [key.split("/")[-2] for key in world.outside.calls] == ["bad", "a", "b"]
    [branch, fan] = world.head(execution_id).cursors
    assert fan.held is not None
    assert fan.held["results"] == {"1": "b"}
    assert branch.step == "bad"


def test_poisonous_branch_alone_fails_after_all_its_lives_and_can_be_caught_there() -> None:
    fan = side_by_side("fan", [call("bad", catch=CAUGHT), step("saved")], [call("a"), call("b")])
    world = World(definition(fan, step("e")))
    execution_id = world.start()
    world.outside.answer = poison("bad")
    world.run(6 * 3600, ticks=False)
    head = world.head(execution_id)
    assert head.state == "ExecutionSucceeded"
    assert head.output[1] == "b"
    calls = [key.split("/")[-2] for key in world.outside.calls]
    assert (calls.count("a"), calls.count("b"), calls.count("bad")) == (1, 1, 20)
    world.history(execution_id)


def test_poison_that_is_found_side_by_side_with_the_end_of_the_rest() -> None:
    """The poisonous call ends last: then nothing but its own message is left."""
    world = World(definition(side_by_side("fan", [call("a")], [call("b")], [call("bad")]), step("e")))
    execution_id = world.start()
    world.outside.answer = poison("bad")
    assert isinstance(world.deliver(), BatchFailed)
    assert world.messages(READY) == 1
    world.outside.answer = lambda task: TaskResult(value=task.step)
    world.run(400, ticks=False)
    assert world.head(execution_id).output == ["a", "b", "bad"]
    assert len(world.outside.calls) == 4


def test_poisonous_item_of_a_tree_fails_its_map_after_all_lives_and_everything_ends() -> None:
    world = World(definition(mapped("each", call("x", url="http://h.example/${ item }")), step("e")))
    execution_id = world.start(input=items(7))

    def answer(task: Task) -> TaskResult:
        if task.request["url"].endswith("/4"):
            raise RuntimeError("poison")
        return TaskResult(value=1)

    world.outside.answer = answer
    world.run(8 * 3600, ticks=False)
    assert all_ended(world)[""] == "ExecutionFailed"
    assert (world.head(execution_id).error or {})["name"] == "Sedo.ProcessingFailed"
    assert len(world.outside.calls) == 6 + 20


# Time


def test_calls_of_a_fan_out_take_no_more_than_one_invocation() -> None:
    """Calls of 40 s each, one after another: the first ones of an invocation are made, the rest is handed over."""
    world = World(definition(side_by_side("fan", *[[call(f"s{i}", timeoutSeconds=40)] for i in range(4)]), step("e")))
    execution_id = world.start()

    def answer(task: Task) -> TaskResult:
        world.advance(40)
        return TaskResult(value=1)

    world.outside.answer = answer
    begun = world.now_ms
    assert world.deliver() is None
    assert world.now_ms - begun <= 45_000
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 4


def test_calls_side_by_side_are_all_made_however_long_each_may_take() -> None:
    world = World(definition(side_by_side("fan", *[[call(f"s{i}", timeoutSeconds=45)] for i in range(4)]), step("e")))
    execution_id = world.start()
    assert world.deliver() is None
    assert world.head(execution_id).ended
    assert world.head(execution_id).version == 3 - 1


def test_map_whose_parts_bear_too_much_together_fails_with_the_error_of_an_item() -> None:
    """Five of a hundred may fail; each part bears fewer, and none knows of those beside it."""
    catch = [{"errors": ["Http.503"], "next": "saved", "stash": {"why": "${ error }"}}]
    each = mapped("each", call("x", url="http://h.example/${ index }"), toleratedFailurePercentage=5, catch=catch)
    world = World(definition(each, step("saved"), output="${ stash.why }"))
    execution_id = world.start(input=items(100))
    world.outside.answer = lambda task: (
        TaskResult(error="Http.503", cause="busy")
        if int(task.request["url"].rpartition("/")[2]) % 40 < 3
        else TaskResult(value=1)
    )
    world.run(100, ticks=False)
    head = world.head(execution_id)
    assert head.state == "ExecutionSucceeded"
    assert (head.output["name"], head.output["cause"]) == ("Http.503", "busy")
    assert "Sedo.ProcessingFailed" not in str([one.error for one in world.heads().values()])
    assert all(one.ended for one in world.heads().values())


# Children


def test_definition_that_executes_itself_in_a_map_does_not_multiply_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "MAX_SPREAD", 30)
    again = mapped("each", step("again", "execute", definition="d"), items=[1, 2, 3])
    world = World(definition(again))
    execution_id = world.start()
    world.run(1000, ticks=False)
    depths = [head.depth for head in world.heads().values() if head.visits]
    assert [depths.count(depth) for depth in range(5)] == [1, 3, 9, 27, 0]
    assert max(head.spread for head in world.heads().values()) == 27
    assert (world.head(execution_id).error or {})["name"] == "Execution.TooDeep"
    assert set(all_ended(world).values()) <= {"ExecutionFailed", "ExecutionCancelled"}


def test_retried_execute_waits_for_its_second_child() -> None:
    retry = [{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 1}]
    world = World(definition({**EXECUTE, "retry": retry}, step("e")), definition(call("x"), call("y"), id="other"))
    execution_id = world.start()
    world.outside.answer = lambda task: (
        TaskResult(value=task.step) if "-2" in task.idempotency_key else TaskResult(error="Odd", cause="first")
    )
    world.run(60, ticks=False)
    assert world.head(execution_id).output == "y"
    assert all_ended(world) == {"": "ExecutionSucceeded", "1.0": "ExecutionFailed", "1-2.0": "ExecutionSucceeded"}


def test_second_child_is_known_to_its_parent_before_it_is_born() -> None:
    """A cancel at any moment finds it: nothing is started that the head does not know of."""
    retry = [{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 1}]
    world = World(definition({**EXECUTE, "retry": retry}, step("e")), definition(call("x"), wait("w", 800), id="other"))
    execution_id = world.start()
    world.outside.answer = lambda task: (
        TaskResult(value=1) if "-2" in task.idempotency_key else TaskResult(error="Odd", cause="first")
    )
    born: list[str] = []

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id.endswith("-2.0") and not born:
            born.append(args[0].id)
            world.cancel(execution_id)

    with world.hooked(watch):
        world.run(100, ticks=False)
    assert born
    assert all_ended(world)["1-2.0"] == "ExecutionCancelled"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("who", ["1.0", "1.1", "1.2"])
def test_no_child_lives_on_when_its_parent_is_cancelled_while_it_starts(who: str, moment: str) -> None:
    world = World(definition(mapped("each", call("x"), wait("w", 500)), step("e")), definition(call("c"), id="first"))
    ids: list[str] = []

    def watch(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", moment) and args[0].id.endswith(f".{who}") and not ids:
            ids.append(args[0].id.rpartition(f".{who}")[0])
            world.cancel(ids[0])

    with world.hooked(watch):
        world.start(input=items(8))
        world.run(300, ticks=False)
    assert ids
    assert set(all_ended(world).values()) == {"ExecutionCancelled"}


def test_child_that_was_never_born_never_will_be() -> None:
    """Its starter is so slow that the parent was cancelled long ago: an end stands in the child's place."""
    world = World(definition(call("a"), EXECUTE, step("e")), OTHER)
    execution_id = world.start()

    def slow(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id.endswith(".2.0") and args[0].visits:
            world.cancel(execution_id)
            world.advance(400)
            world.drain()

    with world.hooked(slow):
        world.drain()
    world.run(1000, ticks=False)
    assert all_ended(world) == {"": "ExecutionCancelled", "2.0": "ExecutionCancelled"}
    assert world.kinds(f"{execution_id}.2.0") == ["CancelRequested", "ExecutionCancelled"]
    assert [key.split("/")[-2] for key in world.outside.calls] == ["a"]


def test_redrive_of_a_parent_starts_the_child_that_was_never_born() -> None:
    world = World(definition(call("a"), EXECUTE, step("e")), OTHER)
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(value=task.step)

    def cancelled(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and args[0].id.endswith(".2.0") and args[0].visits == 1:
            world.hooks.clear()
            world.cancel(execution_id)
            world.advance(400)
            world.drain()

    world.hooks.append(cancelled)
    world.drain()
    assert all_ended(world)["2.0"] == "ExecutionCancelled"
    world.redrive(execution_id)
    world.run(1000, ticks=False)
    assert world.head(execution_id).output == "x"
    child = f"{execution_id}.2.0"
    assert world.kinds(child)[:4] == [
        "CancelRequested",
        "ExecutionCancelled",
        "ExecutionRedriven",
        "ExecutionSubmitted",
    ]
    assert world.head(child).life == 2


def test_definition_that_is_gone_does_not_part_a_parent_from_its_living_child() -> None:
    """A look at a silent child asks for the child, and not whether it could be started anew."""
    world = World(definition(EXECUTE, step("e")), definition(wait("w", 2000), call("x"), id="other"))
    execution_id = world.start()
    world.memory.delete_definition(TENANT, "other")
    world.run(1990)
    assert not world.head(execution_id).ended
    world.run(1000)
    assert all_ended(world) == {"": "ExecutionSucceeded", "1.0": "ExecutionSucceeded"}


def test_execute_of_nothing_leaves_an_end_behind_so_that_no_slow_process_can_start_it() -> None:
    world = World(definition({**EXECUTE, "catch": CAUGHT}, step("e", next="saved"), step("saved")))
    execution_id = world.start()
    world.run(10, ticks=False)
    head = world.head(execution_id)
    assert head.stash["problem"] == DEFINITION_UNKNOWN
    assert all_ended(world) == {"": "ExecutionSucceeded", "1.0": "ExecutionCancelled"}


def test_ended_parent_whose_definition_is_gone_has_told_its_children() -> None:
    world = World(definition(call("a"), mapped("each", wait("w", 500), items="${ execution.input.items }"), step("e")))
    execution_id = world.start(input=items(7))
    world.drain()
    assert len(world.heads()) == 4
    world.memory._versions.clear()
    world.runtime._parsed.clear()
    world.run(3000)
    assert set(all_ended(world).values()) <= {"ExecutionFailed", "ExecutionCancelled"}
    assert (world.head(execution_id).error or {})["name"] == "Sedo.ProcessingFailed"


def test_refused_message_of_a_child_keeps_its_parents_cause() -> None:
    world = World(definition(call("a"), EXECUTE, step("e")), OTHER)
    execution_id = world.start()
    send = world.queues.send
    world.queues.send = lambda messages: [m for m in messages if m.message.execution_id != execution_id]  # type: ignore[method-assign]
    assert isinstance(world.deliver(), BatchFailed)
    world.queues.send = send  # type: ignore[method-assign]
    world.run(1000, ticks=False)
    assert set(all_ended(world).values()) == {"ExecutionSucceeded"}


def test_refused_notice_of_an_end_keeps_the_childs_cause() -> None:
    world = World(definition(call("a"), EXECUTE, step("e")), OTHER)
    execution_id = world.start()
    world.deliver()
    send = world.queues.send
    world.queues.send = lambda messages: [m for m in messages if m.message.execution_id == execution_id]  # type: ignore[method-assign]
    assert isinstance(world.deliver(), BatchFailed)
    world.queues.send = send  # type: ignore[method-assign]
    world.run(1000, ticks=False)
    assert set(all_ended(world).values()) == {"ExecutionSucceeded"}


# Notices


def two_notices() -> tuple[World, str, list[Any]]:
    """Two children of one parent have ended; both notices are received together, the second branch goes on."""
    other = definition(step("p"), wait("w", 1), step("q"), id="other")
    fan = side_by_side("fan", [EXECUTE, wait("v", 100)], [{**EXECUTE, "id": "child2"}, wait("v2", 100)])
    world = World(definition(fan, step("e")), other)
    execution_id = world.start()
    world.advance(2)
    world.deliver(TIMEOUT)
    notices = world.receive()
    assert [json.loads(message.body)["kind"] for message in notices] == ["ended", "ended"]
    return world, execution_id, notices


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("together", [True, False])
def test_sends_of_notices_that_were_decided_together_are_repeated_in_any_order(
    order: tuple[int, int], together: bool
) -> None:
    world, execution_id, notices = two_notices()
    with world.crashing("send", "before"):
        assert world.invoke(READY, notices) is not None
    assert world.messages(TIMEOUT) == 0
    world.advance(361)
    again = world.receive()
    again = [again[i] for i in order]
    for batch in [again] if together else [[message] for message in again]:
        assert world.invoke(READY, batch) is None
    world.run(200, ticks=False)
    assert world.head(execution_id).ended


def test_dead_notice_is_given_more_lives_and_then_fails_its_step_alone() -> None:
    world, execution_id, notices = two_notices()
    for message in notices[:1]:
        world.queues.put(DEAD_LETTER, json.dumps(json.loads(message.body) | {"lives": 4}))
        world.queues.delete(world.queues.arn(READY), [message.receipt_handle])
    assert world.deliver(DEAD_LETTER) is None
    world.run(1000)
    head = world.head(execution_id)
    assert (head.error or {})["name"] == "Sedo.ProcessingFailed"
    assert head.state == "ExecutionFailed"
    all_ended(world)


def test_dead_notice_of_what_was_heard_already_is_dropped() -> None:
    world, execution_id, notices = two_notices()
    assert world.invoke(READY, notices) is None
    for message in notices:
        world.queues.put(DEAD_LETTER, json.dumps(json.loads(message.body) | {"lives": 4}))
    while world.messages(DEAD_LETTER):
        world.deliver(DEAD_LETTER)
    world.run(200, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_many_notices_in_one_batch_are_one_commit() -> None:
    world = World(definition(mapped("each", call("x")), step("e")))
    execution_id = world.start(input=items(9))
    world.deliver()
    version = world.head(execution_id).version
    assert world.messages(READY) == 3
    world.deliver()
    head = world.head(execution_id)
    assert head.ended
    assert head.version == version + 2  # all three ends, and what was gathered


def test_notice_of_an_earlier_life_has_its_child_redriven_and_not_counted() -> None:
    world = World(definition(EXECUTE, step("e")), definition(call("x"), call("late"), id="other"))
    execution_id = world.start()
    world.outside.answer = lambda task: (
        TaskResult(error="Odd", cause="no") if task.step == "late" else TaskResult(value=1)
    )
    world.deliver()
    [notice] = world.queues.bodies(READY)
    world.drain()
    world.outside.answer = lambda task: TaskResult(value="well")
    world.redrive(execution_id)
    for _ in range(3):
        world.queues.put(READY, notice)
    world.run(100, ticks=False)
    assert world.head(execution_id).output == "well"
    assert world.head(f"{execution_id}.1.0").life == 2
    all_ended(world)


# People and signals meet processors


@pytest.mark.parametrize("nth", range(1, 6))
def test_signal_or_answer_while_a_processor_is_at_work(nth: int) -> None:
    """The API writes between a processor's decision and its commit."""
    fan = side_by_side(
        "fan", [step("ask", "human", title="?")], [step("go", "signal", name="go")], [call("a"), call("b")]
    )
    world = World(definition(fan, step("e")))
    execution_id = world.start()
    left = [nth]

    def meanwhile(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and left[0] > 0:
            left[0] -= 1
            if left[0] == 0:
                signal(world, execution_id)
                complete(world, execution_id)

    with world.hooked(meanwhile):
        world.drain()
    if left[0] > 0:
        signal(world, execution_id)
        complete(world, execution_id)
    world.run(1000, ticks=False)
    assert world.head(execution_id).ended
    assert len(world.outside.calls) == 2
    world.history(execution_id)


def test_task_is_answered_before_the_call_that_handed_it_out_is_committed() -> None:
    via = {"http": {"url": "http://outside.example/${ task.token }", "method": "POST"}}
    world = World(definition(call("a"), step("ask", "callback", via=via), call("b")))
    execution_id = world.start()

    def answer(task: Task) -> TaskResult:
        if task.step == "ask":
            token = task.request["url"].rpartition("/")[2]
            inbox.answer(world.runtime, TENANT, token, TaskResult("early"), actor="machine")
        return TaskResult(value=task.step)

    world.outside.answer = answer
    world.run(1000, ticks=False)
    assert world.head(execution_id).output == "b"
    assert [key.split("/")[-2] for key in world.outside.calls] == ["a", "ask", "b"]
    world.history(execution_id)


# Redrive


def test_deadline_that_passes_while_children_are_told_makes_no_looks() -> None:
    """An end that waits for children waits for nothing else."""
    world = World(
        definition(
            call("a"), mapped("each", wait("w", 500), items="${ execution.input.items }"), step("e"), timeoutSeconds=50
        )
    )
    execution_id = world.start(input=items(7))
    world.drain()
    world.cancel(execution_id)
    world.queues.purge(READY)
    world.advance(51)
    world.tick()
    world.drain()
    head = world.head(execution_id)
    assert head.ending is not None
    assert head.due_at_ms is not None
    assert head.due_at_ms > world.now_ms
    world.run(500)
    assert set(all_ended(world).values()) == {"ExecutionCancelled"}


def test_redrive_goes_on_after_a_fan_out_that_took_too_long() -> None:
    world = World(definition(mapped("each", wait("w", 20), timeoutSeconds=5), step("e")))
    execution_id = world.start(input=items(7))
    world.run(60, ticks=False)
    assert (world.head(execution_id).error or {})["name"] == "Task.Timeout"
    world.memory.put_definition(
        TENANT, "d", definition(mapped("each", wait("w", 20), timeoutSeconds=500), step("e")), world.now_ms
    )
    world.redrive(execution_id, 2)
    world.run(600, ticks=False)
    assert set(all_ended(world).values()) == {"ExecutionSucceeded"}


def test_redrive_twice_is_one_life() -> None:
    world = World(definition(call("a"), step("e")))
    execution_id = world.start()
    world.outside.answer = lambda task: TaskResult(error="Odd", cause="no")
    world.drain()
    world.outside.answer = lambda task: TaskResult(value=1)
    world.redrive(execution_id)
    world.redrive(execution_id)
    world.drain()
    assert world.head(execution_id).life == 2
    assert world.kinds(execution_id).count("ExecutionRedriven") == 1
    world.redrive(execution_id)
    assert world.head(execution_id).life == 2, "what has succeeded is not redriven"

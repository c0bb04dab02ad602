"""A map that is redriven on another version of its definition: its results belong to the items that it began with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import service
from chalicelib.engine import fanout, redrive
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.redriving import CannotRedrive, redrive_execution
from tests.unit.protocol.world import TENANT, World, call, definition, mapped, side_by_side, step, wait

SMALL, TREE = 3, 8
OTHERS: dict[str, Any] = {
    "fewer": ["x"],
    "none": [],
    "one more": ["a0", "a1", "a2", "x"],
    "many": list(range(40)),
    "as many": list(range(TREE)),
    "no list": "x",
    "nothing": None,
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few items are trees."""
    monkeypatch.setattr(fanout, "WIDTH", 3)


def each(items: str = "${ input.a }", **fields: Any) -> dict[str, Any]:
    made = call("c", url="http://outside.example/${ item }", output="${ item }")
    return definition(mapped("each", made, items=items, **fields), step("e"))


def failed(first: dict[str, Any], count: int, other: Any = None) -> tuple[World, str]:
    """A map over `input.a`, of which item 1 has failed; from now on it would not."""
    world = World(first)
    execution_id = world.start(input={"a": [f"a{number}" for number in range(count)], "b": other})
    world.outside.answer = lambda task: answer_of(task, bad="a1")
    world.run(60, ticks=False)
    assert world.head(execution_id).state == "ExecutionFailed"
    world.outside.answer = answer_of
    return world, execution_id


def answer_of(task: Task, bad: str | None = None) -> TaskResult:
    item = task.request["url"].rpartition("/")[2]
    if item == bad:
        return TaskResult(error="Http.500", cause="not yet")
    return TaskResult(value={"status": 200, "headers": {}, "body": item})


def redriven(world: World, execution_id: str, version: int) -> Execution:
    """Redrive through the use case and run to the end."""
    redrive_execution(world.runtime, TENANT, execution_id, version, actor="tests")
    world.run(3600, ticks=False)
    head = world.head(execution_id)
    assert head.ended
    return head


def posted(world: World, document: dict[str, Any]) -> None:
    service.post_definition(world.runtime, TENANT, document)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("count", [SMALL, TREE])
@pytest.mark.parametrize("fields", [{}, {"maxConcurrency": 1}])
def test_redrive_onto_other_items_is_refused_and_nothing_is_lost(
    count: int, other: str, fields: dict[str, Any]
) -> None:
    world, execution_id = failed(each(**fields), count, OTHERS[other])
    posted(world, each("${ input.b }", **fields))
    before = world.head(execution_id)
    with pytest.raises(CannotRedrive, match="in version 2 of the definition, the items of step 'each' "):
        redrive_execution(world.runtime, TENANT, execution_id, 2, actor="tests")
    world.redrive(execution_id, 2)
    assert world.head(execution_id) == before, "nor does an event that comes past the question change anything"
    assert redriven(world, execution_id, 1).output == [f"a{number}" for number in range(count)]


@pytest.mark.parametrize("count", [SMALL, TREE])
def test_redrive_goes_on_where_other_words_come_to_the_same_items(count: int) -> None:
    world, execution_id = failed(each(), count)
    posted(world, each("${ execution.input.a[*] }"))
    assert redriven(world, execution_id, 2).output == [f"a{number}" for number in range(count)]


@pytest.mark.parametrize("count", [SMALL, TREE])
def test_items_may_depend_on_what_a_branch_around_them_has(count: int) -> None:
    inner = mapped("each", call("c", url="http://outside.example/${ item }", output="${ item }"), items="${ stash.x }")
    inside = [step("keep", stash={"x": "${ input.a }"}), inner]
    world, execution_id = failed(definition(side_by_side("fan", inside, [wait("w", 2)]), step("e")), count)
    assert redriven(world, execution_id, 1).output[0] == [f"a{number}" for number in range(count)]


def test_large_map_that_is_no_map_any_more_is_refused() -> None:
    world, execution_id = failed(each(), TREE)
    posted(world, definition(side_by_side("each", [step("c")], [step("d")]), step("e")))
    with pytest.raises(CannotRedrive, match="step 'each' is no map in version 2 of the definition"):
        redrive_execution(world.runtime, TENANT, execution_id, 2, actor="tests")


@pytest.mark.parametrize("last", [[], [[step("d")], [step("f")]]])
def test_branches_that_came_or_went_are_refused(last: list[list[dict[str, Any]]]) -> None:
    made = call("c", url="http://outside.example/a1")
    world, execution_id = failed(definition(side_by_side("fan", [made], [step("d")]), step("e")), 1)
    posted(world, definition(side_by_side("fan", [made], *last), step("e")))
    with pytest.raises(CannotRedrive, match="step 'fan' has another number of branches now"):
        redrive_execution(world.runtime, TENANT, execution_id, 2, actor="tests")


def lists(inner_items: str, **fields: Any) -> dict[str, Any]:
    """A large map, in whose parts there are small ones."""
    made = call("c", url="http://outside.example/${ item }", output="${ item }")
    inner = mapped("inner", made, items=inner_items)
    return definition(mapped("each", inner, items="${ input.a[*].[@] }", **fields), step("e"))


def test_other_items_inside_a_part_fail_the_map_visibly_and_it_can_go_back() -> None:
    world, execution_id = failed(lists("${ item }"), TREE)
    posted(world, lists("${ [item[0], item[0]] }"))
    head = redriven(world, execution_id, 2)
    assert head.state == "ExecutionFailed"
    assert (head.error or {})["name"] == "Sedo.ProcessingFailed"
    assert "the items of step 'inner' are not those that it began with" in (head.error or {})["cause"]
    posted(world, lists("${ item }"))
    assert redriven(world, execution_id, 3).output == [[f"a{number}"] for number in range(TREE)]


@pytest.mark.parametrize("count", [SMALL, TREE])
def test_what_takes_too_much_work_to_find_out_fails_the_step_later_and_can_be_caught(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "has_worked_enough", lambda: True)
    caught = [{"errors": ["Sedo.ProcessingFailed"], "stash": {"why": "${ error.cause }"}, "next": "e"}]
    world, execution_id = failed(each(maxConcurrency=1), count, ["x"] * count)
    posted(world, each("${ input.b }", maxConcurrency=1, catch=caught))
    head = redriven(world, execution_id, 2)
    assert head.state == "ExecutionSucceeded"
    assert head.stash == {"why": "the items of step 'each' are not those that it began with"}
    assert not [key for key in world.outside.calls if key.endswith("x")]


def older(world: World, execution_id: str) -> None:
    """Let a head be as an older release wrote it."""

    def plain(cursor: Cursor) -> Cursor:
        held = cursor.held or {}
        return replace(cursor, held={name: held[name] for name in held if name not in ("digest", "count")} or None)

    head = world.head(execution_id)
    assert any("digest" in (cursor.held or {}) for cursor in head.kept)
    kept = tuple(plain(cursor) for cursor in head.kept)
    world.memory.commit(replace(head, version=head.version + 1, kept=kept), "older")
    assert not any("digest" in (cursor.held or {}) for cursor in world.head(execution_id).kept)


@pytest.mark.parametrize("count", [SMALL, TREE])
def test_head_of_an_older_release_goes_on_and_knows_the_number(count: int) -> None:
    world, execution_id = failed(each(), count, ["x"])
    older(world, execution_id)
    posted(world, each("${ input.b }"))
    with pytest.raises(CannotRedrive, match="are not those that it began with"):
        redrive_execution(world.runtime, TENANT, execution_id, 2, actor="tests")
    assert redriven(world, execution_id, 1).output == [f"a{number}" for number in range(count)]


@pytest.mark.parametrize("old", [False, True])
def test_results_that_were_being_gathered_are_gathered_again(old: bool) -> None:
    world = World(each())
    execution_id = world.start(input={"a": [f"a{number}" for number in range(TREE)], "b": ["x"]})
    world.outside.answer = answer_of

    def cancel(name: str, when: str, args: tuple[Any, ...]) -> None:
        head = world.memory.load([execution_id])[execution_id]
        if isinstance(head, Execution) and any("gather" in (cursor.held or {}) for cursor in head.cursors):
            world.hooks.clear()
            world.cancel(execution_id)

    world.hooks.append(cancel)
    world.run(60, ticks=False)
    assert world.head(execution_id).state == "ExecutionCancelled"
    assert [set(cursor.held or {}) for cursor in world.head(execution_id).kept] == [{"gather", "digest", "count"}]
    if old:
        older(world, execution_id)
    posted(world, each("${ input.b }"))
    if not old:
        with pytest.raises(CannotRedrive, match="are not those that it began with"):
            redrive_execution(world.runtime, TENANT, execution_id, 2, actor="tests")
    assert redriven(world, execution_id, 1).output == [f"a{number}" for number in range(TREE)]


def test_part_sees_what_only_the_steps_of_the_new_version_ask_for() -> None:
    def kept(output: Any) -> dict[str, Any]:
        made = call("c", url="http://outside.example/${ item }", output=output)
        return definition(step("s", stash={"k": 7}), mapped("each", made, items="${ input.a }"), step("e"))

    world = World(kept("${ item }"))
    execution_id = world.start(input={"a": [f"a{number}" for number in range(TREE)], "b": 8})
    world.outside.answer = lambda task: TaskResult(error="Http.500", cause="not yet")
    world.run(60, ticks=False)
    world.outside.answer = answer_of
    posted(world, kept("${ [item, stash.k, execution.input.b, execution.version] }"))
    assert redriven(world, execution_id, 2).output == [[f"a{number}", 7, 8, 2] for number in range(TREE)]


def test_a_begun_map_keeps_its_tolerance() -> None:
    for count in (SMALL, TREE):
        world, execution_id = failed(each(), count)
        world.outside.answer = lambda task: answer_of(task, bad="a1")
        posted(world, each(toleratedFailurePercentage=100))
        assert redriven(world, execution_id, 2).state == "ExecutionFailed"

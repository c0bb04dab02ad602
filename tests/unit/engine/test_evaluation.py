"""The work of expressions, counted: of one, of a step, of a decision.

- what is slower than it is long is paid for: sorting, flattening what is empty, comparing and rendering texts
- a step beyond its budget fails with Expression.Failed, and can be caught; it comes to the same whatever came before
- a decision that has worked enough leaves the rest to the next one: steps, branches, results, inputs of steps
- what authors honestly do has room
"""

from __future__ import annotations

from typing import Any

import jmespath
import pytest

from chalicelib.engine import evaluation
from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.definition import parse
from chalicelib.engine.evaluation import MAX_WORK, VISIT_WORK, Bounded
from chalicelib.engine.execution import Execution
from tests.unit.engine.world import ID, T0, World, document, ended, ok

HEAVY = "${ length(input[?@ > `0`]) }"
SMALLER = 50
NUMBERS = list(range(1, 1201))
"""Three visits and more for each: HEAVY takes about half of what one expression may do, on a budget that is SMALLER."""
COUNT = len(NUMBERS)
PASS: dict[str, Any] = {"type": "pass"}
EACH_TWICE = 2
"""The world of these tests decides everything twice, and compares."""
COUNTED: dict[str, Any] = {"type": "pass", "stash": {"n": [HEAVY, HEAVY]}}
CAUGHT = {"errors": ["Expression.Failed"], "stash": {"why": "${ join('', [error.cause]) }"}}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_WORK", "MAX_STEP_WORK", "MAX_DECISION_WORK", "ENOUGH_WORK"):
        monkeypatch.setattr(evaluation, name, getattr(evaluation, name) // SMALLER)


def work(text: str, value: Any) -> int:
    bounded = Bounded()
    bounded.visit(jmespath.compile(text).parsed, value)
    return MAX_WORK - bounded.left


def names(world: World, type: str) -> list[str | None]:
    return [event.step for event in world.events if event.type == type]


@pytest.mark.parametrize("count", [1000, 50_000])
def test_sorting_is_paid_for_by_its_comparisons(count: int) -> None:
    numbers = list(range(count))
    comparisons = count * count.bit_length() // 2
    assert work("sort(@)", numbers) - work("reverse(@)", numbers) == comparisons
    by = work("sort_by(@, &@)", numbers) - work("reverse(@)", numbers)
    assert by >= comparisons + count * VISIT_WORK


def test_lists_that_are_flattened_are_paid_for_though_they_are_empty() -> None:
    assert work("@[]", [[]] * 10_000) >= 10_000


def test_texts_that_are_compared_are_paid_for() -> None:
    texts = {"a": "x" * 80_000, "b": "x" * 80_000}
    for operator in ("==", "!=", "<", ">="):
        assert work(f"a {operator} b", texts) >= 10_000


@pytest.mark.parametrize(
    "templates",
    [
        ["${ length(sort_by(input, &to_string(@))) }"] * 200,
        [HEAVY] * 200,
        ["${ input }!"] * 200,
        {"a": [{"b": "${ length(input[]) } ${ input }"}] * 200},
    ],
)
@pytest.mark.parametrize("field", ["output", "stash", "input"])
@pytest.mark.usefixtures("small")
def test_a_step_beyond_its_budget_fails_and_can_be_caught(templates: Any, field: str) -> None:
    values = {"kept": templates} if field == "stash" else templates
    world = ended([PASS, PASS | {field: values, "catch": [CAUGHT | {"next": "s3"}]}, PASS], NUMBERS)
    assert world.head.state == "ExecutionSucceeded"
    assert "the expressions of one step take too much work together" in world.head.stash["why"]


@pytest.mark.usefixtures("small")
def test_expressions_that_are_never_reached_are_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(evaluation.Bounded, "visit_filter_projection", _counting(done))
    assert ended(PASS | {"output": [HEAVY] * 500}, NUMBERS).head.error is not None
    assert 10 < len(done) / EACH_TWICE <= evaluation.MAX_STEP_WORK // work("length([?@ > `0`])", NUMBERS) + 1


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.usefixtures("small")
def test_heavy_steps_go_on_in_several_decisions(inline: bool) -> None:
    world = World(document(*[COUNTED] * 12, output="${ stash.n }"), NUMBERS, inline=inline)
    world.begin()
    assert not world.head.ended
    assert len(world.sends) == 1
    world.run()
    assert world.head.output == [COUNT, COUNT]
    assert world.commits >= 6


@pytest.mark.usefixtures("small")
def test_inputs_of_steps_are_made_in_the_next_decision() -> None:
    templates = {"n": [HEAVY.replace("input", "execution.input")] * 3}
    step = {"type": "pass", "input": templates, "output": templates}
    world = World(document(*[step] * 6), NUMBERS, inline=False)
    world.begin()
    world.deliver()
    assert world.head.cursors[0].unshaped
    assert names(world, "StepStarted") == ["s1"]
    world.run()
    assert world.head.output == {"n": [COUNT] * 3}
    assert len(names(world, "StepStarted")) == 6
    assert {str(e.details["input"]) for e in world.events if e.type == "StepStarted"} == {str(world.head.output)}


@pytest.mark.usefixtures("small")
def test_input_that_is_left_to_the_next_decision_may_fail_there_and_is_caught() -> None:
    caught = [CAUGHT | {"next": "s3"}]
    wrong = PASS | {"input": "${ abs('x') }", "catch": caught}
    world = ended([COUNTED | {"output": [HEAVY] * 2}, wrong, PASS], NUMBERS)
    assert world.head.state == "ExecutionSucceeded"
    assert "abs" in world.head.stash["why"]
    assert names(world, "StepStarted") == ["s1", "s2", "s3"]


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.usefixtures("small")
def test_a_step_comes_to_the_same_whatever_came_before(before: int) -> None:
    near = evaluation.MAX_STEP_WORK // work("length([?@ > `0`])", NUMBERS)
    light = {"type": "pass", "stash": {"n": HEAVY}}
    fits, beyond = PASS | {"stash": {"m": [HEAVY] * (near - 1)}}, PASS | {"stash": {"m": [HEAVY] * (near + 1)}}
    assert ended([*[light] * before, fits], NUMBERS).head.state == "ExecutionSucceeded"
    assert ended([*[light] * before, beyond], NUMBERS).head.state == "ExecutionFailed"


@pytest.mark.usefixtures("small")
def test_the_same_arguments_give_the_same_decision() -> None:
    def begun() -> Execution:
        definition = parse(document(*[COUNTED] * 6))
        return start(StartRequest("123", definition, NUMBERS, "tester", "n1"), ID, T0).execution

    assert begun() == begun()


@pytest.mark.usefixtures("small")
def test_heavy_branches_go_on_in_several_decisions() -> None:
    branch = [{"id": "a", "type": "pass", "input": "${ execution.input }", "output": [HEAVY] * 3, "end": True}]
    world = ended({"type": "map", "items": list(range(30)), "steps": branch}, NUMBERS)
    assert world.head.output == [[COUNT] * 3] * 30
    assert world.commits > 10


@pytest.mark.usefixtures("small")
def test_results_that_come_together_have_budgets_of_their_own() -> None:
    asked = {"id": "a", "type": "http", "url": "https://a.example", "end": True}
    heavy = asked | {"output": [HEAVY.replace("input", "execution.input")] * 12}
    world = World(document({"type": "map", "items": list(range(40)), "steps": [heavy]}), NUMBERS, answer=ok)
    world.begin()
    world.run()
    assert world.head.output == [[COUNT] * 12] * 40
    assert len(world.tasks) == 40, "each call is made once"


def test_items_are_found_once_in_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(evaluation.Bounded, "visit_filter_projection", _counting(made))
    branch = [{"id": "a", "type": "pass", "end": True}]
    world = World(document({"type": "map", "items": "${ input[?@] }", "steps": branch, "maxConcurrency": 1}), [1] * 40)
    world.begin()
    world.run()
    assert world.head.output == [1] * 40
    assert len(made) <= 2 * EACH_TWICE * world.commits


def _counting(made: list[int]) -> Any:
    real = evaluation.Bounded.visit_filter_projection

    def counted(self: Bounded, node: Any, value: Any) -> Any:
        made.append(1)
        return real(self, node, value)

    return counted


@pytest.mark.parametrize(
    ("templates", "given"),
    [
        ("${ length(sort(input)) }", list(range(50_000))),
        ("${ length(sort_by(input, &@)) }", list(range(50_000, 0, -1))),
        ("${ length(input[?ok]) }", [{"ok": True, "text": "x" * 180}] * 10_000),
        (["${ length(input[?@ > `0`]) }"] * 20, list(range(30_000))),
        (["${ sum(input) }", "${ max(input) }"] * 10, list(range(30_000))),
        (["${ length(to_string(input)) }"] * 20, "x" * 200_000),
        ("${ length(map(&to_string(@), input)) }", list(range(64_000))),
    ],
)
def test_honest_work_has_room(templates: Any, given: Any) -> None:
    world = ended([PASS | {"output": templates}, PASS], given)
    assert world.head.state == "ExecutionSucceeded"


def test_items_of_a_large_map_have_room() -> None:
    branch = [{"id": "a", "type": "pass", "end": True}]
    step = {"type": "map", "items": "${ input[*].{id: id} }", "steps": branch}
    world = World(document(step), [{"id": i} for i in range(64_000)])
    world.begin()
    assert world.head.error is None
    assert [cursor.held["size"] for cursor in world.head.cursors if cursor.waits and cursor.held] == [1600]

"""A visit that is left to the next decision, since this one has worked enough, has not started.

- until it starts it is not counted, and nothing of it is in the history, however its branch or execution ends
- no visit comes to an outcome without a start
- visits start in the order of their numbers
- a redrive goes on from where such a visit was left
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import drive, service
from chalicelib.engine import evaluation
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import Decision
from chalicelib.engine.definition import Definition
from chalicelib.engine.execution import Execution
from tests.unit.protocol.world import OUTCOMES, TENANT, World, definition, side_by_side, step

NUMBERS = {"l": list(range(1, 1001))}
HEAVY = ["${ length(execution.input.l[?@ > `0`]) }"] * 3
"""More than a decision may do before it leaves the rest."""
LEFT = step("b", input={"x": "${ length(execution.input.l) }"})
DONE = {"x": 1000}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "ENOUGH_WORK", evaluation.ENOUGH_WORK // 500)


def checked(world: World, execution_id: str) -> list[tuple[str, str | None, int | None]]:
    """Return what happened to visits as (type, step, visit): each starts in its turn, before all else."""
    events = [event for event in world.history(execution_id) if event.visit is not None]
    started: list[int | None] = []
    for event in events:
        if event.type == "StepStarted":
            started.append(event.visit)
        assert event.visit in started, event
    assert started == list(range(1, world.head(execution_id).visits + 1))
    return [(event.type, event.step, event.visit) for event in events if event.type in ("StepStarted", *OUTCOMES)]


def of(found: list[tuple[str, str | None, int | None]], step_id: str) -> list[str]:
    return [kind for kind, name, _ in found if name == step_id]


def begun(*steps: dict[str, Any], **fields: Any) -> tuple[World, str]:
    """Start an execution that comes to `b` and does not begin it."""
    world = World(definition(*steps, **fields), lives_delays_seconds=())
    execution_id = world.start(input=NUMBERS)
    head = world.head(execution_id)
    assert any(cursor.step == "b" and cursor.unshaped for cursor in head.cursors), head
    assert "b" not in [name for _, name, _ in checked(world, execution_id)]
    return world, execution_id


def give_up(world: World, execution_id: str, patch: pytest.MonkeyPatch) -> None:
    """Let nothing be decided until the message is dead, and that be handled."""
    version = world.head(execution_id).version

    def broken(of: Definition | None, execution: Execution, *more: Any) -> Decision:
        if execution.version == version:
            raise KeyError("out of order")
        return decide(of, execution, *more)

    with patch.context() as patched:
        patched.setattr(drive, "decide", broken)
        while world.head(execution_id).version == version:
            world.drain()
            world.advance(400)


def redriven(world: World, execution_id: str, version: int | None = None) -> Execution:
    world.redrive(execution_id, version)
    world.drain()
    return world.head(execution_id)


def test_visit_starts_in_the_next_decision_with_the_input_that_the_step_makes() -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT)
    world.drain()
    assert world.head(execution_id).output == DONE
    started = [e.details["input"] for e in world.history(execution_id) if (e.type, e.step) == ("StepStarted", "b")]
    assert started == [DONE]
    assert len(checked(world, execution_id)) == 4


def test_cancelled_before_it_starts() -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT)
    world.cancel(execution_id)
    assert of(checked(world, execution_id), "b") == []
    assert (world.head(execution_id).visits, world.head(execution_id).transitions) == (1, 1)
    assert redriven(world, execution_id).output == DONE
    assert of(checked(world, execution_id), "b") == ["StepStarted", "StepSucceeded"]


def test_timed_out_before_it_starts() -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT, timeoutSeconds=60)
    world.advance(100)
    world.drain()
    assert world.head(execution_id).state == "ExecutionTimedOut"
    assert of(checked(world, execution_id), "b") == []
    assert redriven(world, execution_id).output == DONE


def test_stopped_before_it_starts_and_redriven() -> None:
    def fan(first: dict[str, Any]) -> dict[str, Any]:
        return definition(side_by_side("fan", [first], [LEFT], [step("c")]))

    world = World(fan(step("f", "fail", error="Odd", input=HEAVY)))
    execution_id = world.start(input=NUMBERS)
    world.drain()
    assert world.head(execution_id).state == "ExecutionFailed"
    assert of(checked(world, execution_id), "b") == []
    assert of(checked(world, execution_id), "c")[0] == "StepStarted"
    service.post_definition(world.runtime, TENANT, fan(step("f", output="well")))
    assert redriven(world, execution_id, version=2).output == ["well", DONE, NUMBERS]
    assert of(checked(world, execution_id), "b") == ["StepStarted", "StepSucceeded"]


def test_stopped_before_it_starts_and_caught() -> None:
    catch = [{"errors": ["Odd"], "next": "saved"}]
    fan = side_by_side("fan", [step("f", "fail", error="Odd", input=HEAVY)], [LEFT], catch=catch)
    world = World(definition(fan, step("saved", output="saved")))
    execution_id = world.start(input=NUMBERS)
    world.drain()
    assert world.head(execution_id).output == "saved"
    assert of(checked(world, execution_id), "b") == []
    assert world.head(execution_id).visits == world.head(execution_id).transitions == 3


def test_given_up_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT)
    give_up(world, execution_id, monkeypatch)
    assert (world.head(execution_id).error or {})["name"] == "Sedo.ProcessingFailed"
    assert of(checked(world, execution_id), "b") == ["StepStarted", "StepFailed"]
    assert redriven(world, execution_id).output == DONE


def test_given_up_before_it_starts_and_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    catch = [{"errors": ["Sedo.ProcessingFailed"], "next": "saved"}]
    world, execution_id = begun(step("a", output=HEAVY), LEFT | {"catch": catch}, step("saved"))
    give_up(world, execution_id, monkeypatch)
    world.drain()
    assert world.head(execution_id).output == [1000] * 3, "what the step had received"
    assert of(checked(world, execution_id), "b") == ["StepStarted", "StepFailed"]


def test_no_visit_starts_beyond_the_transitions_that_are_allowed() -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT, maxTransitions=1)
    world.drain()
    head = world.head(execution_id)
    assert (head.error or {})["name"] == "Execution.TooManyTransitions"
    assert (head.visits, head.transitions) == (1, 1)
    assert of(checked(world, execution_id), "b") == []
    assert redriven(world, execution_id).output == DONE


def test_given_up_beyond_the_transitions_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    world, execution_id = begun(step("a", output=HEAVY), LEFT, maxTransitions=1)
    give_up(world, execution_id, monkeypatch)
    assert (world.head(execution_id).error or {})["name"] == "Execution.TooManyTransitions"
    assert of(checked(world, execution_id), "b") == []


def test_branches_start_in_the_order_of_their_visits() -> None:
    heavy = [step("a", input={"n": HEAVY}, output="a")]
    world, execution_id = begun(side_by_side("fan", heavy, [LEFT], [step("c", output="c")]))
    world.drain()
    assert world.head(execution_id).output == ["a", DONE, "c"]
    started = [name for kind, name, _ in checked(world, execution_id) if kind == "StepStarted"]
    assert started == ["fan", "a", "c", "b"]

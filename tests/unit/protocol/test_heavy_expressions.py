"""All expressions of one decision share a budget of work: no definition keeps a caller or a processor busy for long.

- what comes at once, results of calls or timers, is taken one after another
- after heavy steps a decision leaves the rest to the next one, with a fresh budget
- a step that is too heavy by itself fails, and can be caught
- the same arguments give the same decision
"""

from __future__ import annotations

from typing import Any

import jmespath

from chalicelib.engine.decide import decide
from chalicelib.engine.evaluation import MAX_WORK, Bounded, has_worked_enough
from chalicelib.engine.events import Arrived
from tests.unit.protocol.world import READY, World, call, definition, mapped, step, wait

HEAVY = "${ length(input.l[?@ > `0`]) }"
NUMBERS = 40_000
"""Three visits and more for each: more than half of what a decision may do before it leaves the rest."""


def heavy(id: str, count: int = 1, **fields: Any) -> dict[str, Any]:
    return step(id, stash={id: [HEAVY] * count}, **fields)


def numbers() -> dict[str, Any]:
    return {"l": list(range(1, NUMBERS + 1))}


def test_heavy_steps_are_taken_by_several_decisions() -> None:
    world = World(definition(*(heavy(f"s{i}") for i in range(10)), output="${ stash }"))
    execution_id = world.start(input=numbers())
    head = world.head(execution_id)
    assert not head.ended
    assert head.visits < 10
    assert world.messages(READY) == 1
    world.drain()
    assert world.head(execution_id).output == {f"s{i}": [NUMBERS] for i in range(10)}
    assert world.head(execution_id).version >= 3


def test_step_that_is_too_heavy_by_itself_fails_and_can_be_caught() -> None:
    catch = [{"errors": ["Expression.Failed"], "next": "saved", "stash": {"why": "${ error.cause }"}}]
    world = World(definition(heavy("all", 40, catch=catch), step("saved"), output="${ stash }"))
    execution_id = world.start(input=numbers())
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert "too much work" in world.head(execution_id).output["why"]


def test_results_of_calls_side_by_side_are_taken_by_several_decisions() -> None:
    asked = call("a", output=[HEAVY.replace("input", "execution.input")] * 3)
    world = World(definition(mapped("m", asked, items=list(range(6)))))
    execution_id = world.start(input=numbers())
    world.drain()
    assert world.head(execution_id).output == [[NUMBERS] * 3] * 6
    assert len(world.outside.calls) == 6, "each is made once"
    assert world.head(execution_id).version >= 6


def test_timers_that_are_due_together_are_taken_by_several_decisions() -> None:
    late = wait("w", 3600, output=[HEAVY.replace("input", "execution.input")] * 3)
    world = World(definition(mapped("m", late, items=list(range(6)))))
    execution_id = world.start(input=numbers())
    world.run(4000)
    assert world.head(execution_id).output == [[NUMBERS] * 3] * 6


def test_a_decision_does_not_depend_on_the_one_before() -> None:
    world = World(definition(*(heavy(f"s{i}") for i in range(10))))
    execution_id = world.start(input=numbers())
    head = world.head(execution_id)
    event = Arrived(head.cursors[0].token, "n")
    decisions = [
        decide(world.runtime.definition(head), head, event, world.now_ms, world.runtime.policy) for _ in range(2)
    ]
    assert decisions[0] == decisions[1]
    assert not has_worked_enough()


def test_sorting_is_paid_for_by_what_it_compares() -> None:
    def work(text: str) -> int:
        bounded = Bounded()
        bounded.visit(jmespath.compile(text).parsed, list(range(1000)))
        return MAX_WORK - bounded.left

    assert work("sort(@)") - work("reverse(@)") == 1000 * 10 // 2

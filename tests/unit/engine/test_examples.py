"""The small examples do what their first comments say. The others have test files: tests/unit/examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.api import yaml_text
from chalicelib.engine.effects import Task, TaskResult
from tests.unit.engine.world import DAY, T0, World

ROOT = Path(__file__).parents[3]


def example(name: str) -> Any:
    found, _ = yaml_text.read((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def test_seeds_example_is_the_same_in_json_and_yaml() -> None:
    assert json.loads((ROOT / "example-definition.json").read_text(encoding="utf-8")) == example("example-definition")


def test_reshaping_is_one_write_and_no_message() -> None:
    basket = [{"name": "pen", "price": 2.5}, {"name": "ink", "price": 50}]
    world = World(example("reshape-data"), {"basket": basket}).run()
    assert (world.commits, world.sends) == (1, [])
    assert world.head.output == {"total": 52.5, "shipping": 0, "names": ["ink", "pen"]}
    assert world.history[-2]["message"] == "total 52.5, shipping 0, literal ${ braces }"


def test_reminder_comes_at_its_moment() -> None:
    given = {"at": "2024-11-13T22:13:20+00:00", "url": "https://x.example", "text": "hi"}
    world = World(example("remind-later"), given).run()
    assert world.now == T0 + 365 * DAY
    assert world.head.output == {"status": 200}
    assert World(example("remind-later"), given | {"at": "soon"}).run().visited == ["until-then", "no-time"]


PRICED = {"orderId": "A-1", "lines": [{"name": "pen", "count": 2}]}


def test_order_is_priced_paid_and_announced() -> None:
    def answer(task: Task) -> TaskResult:
        answers = {"lambda": {"total": 9}, "queue": {"messageId": "m1"}, "http": {"status": 200, "body": None}}
        return TaskResult(answers[task.type])

    world = World(example("price-and-announce"), PRICED, answer).run()
    assert world.visited == ["price", "pay", "announce"]
    assert world.head.output == {"order": "A-1", "total": 9}
    assert world.tasks[-1].request["message"] == {"order": "A-1", "state": "paid", "total": 9}


def test_order_that_has_no_price_is_announced_as_refused() -> None:
    def answer(task: Task) -> TaskResult:
        failed = TaskResult(error="Lambda.UnknownLine", cause="no pens")
        return failed if task.type == "lambda" else TaskResult({"messageId": "m1"})

    world = World(example("price-and-announce"), PRICED, answer).run()
    assert world.visited == ["price", "refused"]
    assert world.tasks[-1].request["message"] == {"order": "A-1", "state": "refused", "why": "no pens"}

"""Examples: every one is accepted, and does what its first comment says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api import yaml_text
from chalicelib.engine.definition import parse
from chalicelib.engine.effects import Task, TaskResult
from tests.unit.engine.world import DAY, HOUR, SECOND, T0, World

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if ".test." not in path.name)


def example(name: str) -> Any:
    found, _ = yaml_text.read((ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def body(**members: Any) -> TaskResult:
    return TaskResult({"status": 200, "headers": {}, "body": members})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_accepted_and_called_like_its_file(path: Path) -> None:
    assert parse(example(path.stem)).id == path.stem


def test_seeds_example_is_the_same_in_json_and_yaml() -> None:
    assert json.loads((ROOT / "example-definition.json").read_text(encoding="utf-8")) == example("example-definition")


ORDER = {"orderId": "A-1", "amount": 20, "items": ["pen"]}


def shop(**errors: str) -> Any:
    def answer(task: Task) -> TaskResult:
        if task.step in errors:
            return TaskResult(error=errors[task.step], cause="refused")
        return body(id="r1", tracking="T-9")

    return answer


def test_order_is_reserved_charged_and_shipped() -> None:
    world = World(example("order-fulfilment"), ORDER, shop()).run()
    assert world.visited == ["reserve", "big-order", "charge", "ship"]
    assert world.head.output == {"order": "A-1", "tracking": "T-9"}
    assert [task.request["url"].split("/")[-1] for task in world.tasks] == ["reservations", "charges", "parcels"]


def test_big_order_cools_off_first() -> None:
    world = World(example("order-fulfilment"), ORDER | {"amount": 1000}, shop()).run()
    assert world.now == T0 + HOUR


def test_order_that_cannot_be_charged_gives_its_goods_back() -> None:
    world = World(example("order-fulfilment"), ORDER, shop(charge="Http.402")).run()
    assert world.visited[-2:] == ["release", "not-charged"]
    assert world.tasks[-1].request["url"] == "https://stock.example/reservations/r1"
    assert world.head.error == {"name": "Order.NotCharged", "cause": "order A-1: refused", "step": "not-charged"}


def test_order_that_is_out_of_stock_is_refused() -> None:
    world = World(example("order-fulfilment"), ORDER, shop(reserve="Http.409")).run()
    assert world.head.error is not None
    assert world.head.error["name"] == "Order.OutOfStock"


def test_polling_asks_until_the_job_is_done() -> None:
    left = ["running", "running", "done"]

    def answer(task: Task) -> TaskResult:
        return body(id=7) if task.step == "start-job" else body(status=left.pop(0), url="https://reports.example/7.pdf")

    world = World(example("poll-until-done"), {"report": "sales"}, answer).run()
    assert world.head.output == {"report": "sales", "url": "https://reports.example/7.pdf"}
    assert world.now == T0 + 30 * SECOND


def test_polling_gives_up_at_its_timeout() -> None:
    definition = example("poll-until-done")
    assert definition["timeoutSeconds"] == 3600
    impatient = World(
        definition | {"timeoutSeconds": 300}, {"report": "sales"}, lambda task: body(status="running")
    ).run()
    assert impatient.head.state == "ExecutionTimedOut"
    assert impatient.now == T0 + 300 * SECOND


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

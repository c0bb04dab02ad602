"""Every step type on the packaged app, a map of 10,000 items, and how many of its calls are made at once."""

from __future__ import annotations

import time
from typing import Any

from tests.desk import Desk
from tests.e2e.packaged import Deployed
from tests.every_step import begin, end_of, go_through, surroundings

ITEMS = 10_000
CALLS_EVERY = 50
AT_ONCE = 40
# An invocation that an emulator loses comes back with its message, after the queue's visibility timeout of 360 s.
WITHIN_SECONDS = 600.0


class Tenant:
    """One tenant of the packaged app, as a client."""

    def __init__(self, deployed: Deployed, name: str) -> None:
        self.deployed, self.name = deployed, name

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.deployed.call(method, f"/sedo/tenants/{self.name}/{path}", body)
        return answer.status, answer.body


def test_every_step_type_does_what_it_says(deployed: Deployed) -> None:
    with Desk() as desk:
        go_through(Tenant(deployed, "every"), surroundings(deployed.url, desk, functions=True))


def test_a_map_of_10000_items_keeps_their_order_and_its_quota(deployed: Deployed) -> None:
    """Each fiftieth item calls a server that counts what meets in it."""
    ask = Tenant(deployed, "many")
    with Desk(delay_seconds=0.5) as desk:
        steps: list[dict[str, Any]] = [
            {
                "id": "which",
                "type": "choice",
                "choices": [{"when": "${ item < `0` }", "next": "ask"}],
                "default": "own",
            },
            {"id": "own", "type": "pass", "output": "${ item }", "end": True},
            {"id": "ask", "type": "http", "method": "POST", "url": desk.url, "body": {"number": "${ index }"}}
            | {"output": "${ output.body.doubled }", "end": True},
        ]
        each = {"id": "each", "type": "map", "items": "${ input }", "maxConcurrency": AT_ONCE, "steps": steps}
        assert ask("POST", "definitions", {"id": "many", "steps": [each | {"end": True}]})[0] == 201
        calling = range(0, ITEMS, CALLS_EVERY)
        begun = time.monotonic()
        execution_id = begin(ask, [-1 if n in calling else n for n in range(ITEMS)], "many")
        ended = end_of(ask, execution_id, WITHIN_SECONDS)
        print(f"\n{ITEMS} items in {time.monotonic() - begun:.1f} s; {desk.calls} calls, {desk.most_at_once} at once")
    assert ended["state"] == "ExecutionSucceeded", ended.get("error")
    assert ended["output"] == [2 * n if n in calling else n for n in range(ITEMS)]
    assert len(desk.keys) == len(calling)
    assert 2 <= desk.most_at_once <= AT_ONCE

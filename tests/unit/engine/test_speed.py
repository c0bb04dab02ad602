"""How long the engine takes, printed (`pytest -s`) and not asserted: the goal is 20 µs for a pure step, without IO."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.definition import parse
from tests.unit.engine.world import ID, T0, document

STEPS = 80
CHAINS: dict[str, dict[str, Any]] = {
    "pass": {"type": "pass"},
    "pass with output": {"type": "pass", "output": {"a": "${ input.a }"}},
    "pass with output and stash": {"type": "pass", "output": "${ input }", "stash": {"kept": "${ output.a }"}},
    "echo with text": {"type": "echo", "message": "a is ${ input.a }"},
}


@pytest.mark.parametrize("name", CHAINS)
def test_time_of_a_pure_step(name: str) -> None:
    chain = document(*[CHAINS[name]] * STEPS)
    began = perf_counter()
    definition = parse(chain)
    parsed = perf_counter() - began
    request = StartRequest("123", definition, {"a": 1}, "tester", "n1")
    best = 1.0
    for _ in range(20):
        began = perf_counter()
        decision = start(request, ID, T0)
        best = min(best, perf_counter() - began)
    assert decision.execution.ended
    print(f"\n{name}: {best / STEPS * 1e6:.1f} µs per step; parsing {parsed / STEPS * 1e6:.0f} µs per step")

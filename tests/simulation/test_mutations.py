"""The simulation is tested by breaking the protocol: each mutation must violate an invariant within some seeds."""

from __future__ import annotations

import pytest

from sedo.simulation.plan import Options
from sedo.simulation.run import simulate
from tests.simulation.mutations import MUTATIONS, OF_SCHEDULES, Mutation

SEEDS = 1200


@pytest.mark.parametrize(("mutation", "kinds"), MUTATIONS, ids=[mutation.__name__ for mutation, _ in MUTATIONS])
def test_a_broken_protocol_is_noticed(
    mutation: Mutation, kinds: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)

    options = Options(kinds=kinds, scheduled=mutation in OF_SCHEDULES)
    assert any(simulate(seed, options).violation for seed in range(SEEDS))

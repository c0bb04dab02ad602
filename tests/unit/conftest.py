"""What every unit test may rely on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_is_heard() -> Iterator[None]:
    """Runs in the simulation's world, as `sedo test` makes them, silence sedo's log; the next test hears it again."""
    logger = logging.getLogger("sedo")
    before = logger.level
    yield
    logger.setLevel(before)

"""Fixtures that give tests a real emulator: one MiniStack per run, and a LocalStack where one was started."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox import emulators, net

LOCALSTACK_VARIABLE = "SEDO_TEST_LOCALSTACK_URL"


@pytest.fixture(scope="session")
def ministack_url() -> Iterator[str]:
    """A MiniStack of this run's own: free port, empty at first, gone afterwards."""
    with emulators.start_ministack() as url:
        yield url


@pytest.fixture(scope="session")
def localstack_url() -> str:
    """The LocalStack that the environment names; scripts/test starts one and names it."""
    url = os.environ.get(LOCALSTACK_VARIABLE)
    if not url:
        pytest.skip("not run: no LocalStack")
    assert net.answers(f"{url}/_localstack/health", 10.0), (
        f"{LOCALSTACK_VARIABLE} is {url}, where no LocalStack answers"
    )
    return url.rstrip("/")

"""One suite, three implementations: every test here runs on memory, MiniStack and LocalStack."""

from __future__ import annotations

import pytest

from tests.contract.backends import AwsBackend, Backend, MemoryBackend, aws_backend
from tests.contract.samples import fresh_tenant


@pytest.fixture(scope="session")
def ministack(ministack_url: str) -> AwsBackend:
    return aws_backend(ministack_url)


@pytest.fixture(scope="session")
def localstack(localstack_url: str) -> AwsBackend:
    return aws_backend(localstack_url)


@pytest.fixture(scope="session", params=["memory", "ministack", "localstack"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "memory":
        return MemoryBackend()
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def tenant() -> str:
    return fresh_tenant()

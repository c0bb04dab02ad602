"""The command against the real routes, over stores in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.unit.api.local import LocalApi
from tests.unit.cli.serving import Cli, of_local_api, serving


@dataclass(frozen=True)
class Service:
    api: LocalApi
    cli: Cli


@pytest.fixture
def service() -> Iterator[Service]:
    api = LocalApi()
    with serving(of_local_api(api)) as url:
        yield Service(api, Cli(url))


@pytest.fixture
def cli(service: Service) -> Cli:
    return service.cli

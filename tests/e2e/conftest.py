"""One package and one deployment for all tests of this tier."""

from pathlib import Path

import pytest

from tests.e2e import packaged
from tools.package import package


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that scripts/package would fill."""
    folder = tmp_path_factory.mktemp("package")
    package(folder, "dev", packaged.REGION)
    return folder


@pytest.fixture(scope="session")
def deployed(ministack_url: str, built: Path) -> packaged.Deployed:
    return packaged.deploy(ministack_url, built)

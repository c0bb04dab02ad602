"""Where the API listens: a port that is taken is a sentence that names the way out."""

from __future__ import annotations

import pytest

from sandbox.processes import PartError
from sandbox.up import listen_for_api
from tests.unit.cli.serving import Said, serving


@pytest.mark.parametrize(
    ("said", "hint"),
    [(Said(404), ""), (Said(200, {}), "is sedo up already? {}/health answers; ")],
)
def test_a_port_that_is_taken_names_the_option_that_chooses_another(said: Said, hint: str) -> None:
    with serving(lambda _: said) as url, pytest.raises(PartError) as raised:
        listen_for_api(int(url.rpartition(":")[2]))
    assert str(raised.value).endswith(f"is in use: {hint.format(url)}--api-port chooses another")

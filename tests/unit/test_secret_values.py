"""Values of secrets: each tenant's own, kept for a minute, filled in by place, and every failure has a name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.secret_values import SecretFailed, Secrets

VALUES = {"team/a/key": "of a", "team/b/key": "of b", "team/a/empty": ""}


class Store:
    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.reads: list[str] = []
        self.error: Exception | None = None
        self.now = 0.0

    def read(self, name: str) -> str | None:
        self.reads.append(name)
        if self.error is not None:
            raise self.error
        return self.values.get(name)

    def secrets(self) -> Secrets:
        return Secrets(self.read, "team/", lambda: self.now)


def test_a_tenant_gets_its_own() -> None:
    secrets = Store(dict(VALUES)).secrets()
    assert (secrets.value("a", "key"), secrets.value("b", "key"), secrets.value("a", "empty")) == ("of a", "of b", "")


@pytest.mark.parametrize("tenant", ["", "a/b", "..", "../a", "a b", ".", "a/", "é"])
def test_a_tenant_whose_name_could_leave_its_place_has_none(tenant: str) -> None:
    store = Store(dict(VALUES))
    with pytest.raises(SecretFailed) as caught:
        store.secrets().value(tenant, "key")
    assert caught.value.name == "Secrets.NotFound"
    assert store.reads == []


def test_a_value_is_kept_for_a_minute_and_a_missing_one_is_not() -> None:
    store = Store(dict(VALUES))
    secrets = store.secrets()
    secrets.value("a", "key")
    store.values["team/a/key"] = "new"
    store.now = 59.0
    assert secrets.value("a", "key") == "of a"
    store.now = 61.0
    assert secrets.value("a", "key") == "new"
    for _ in range(2):
        with pytest.raises(SecretFailed, match="no secret none for this tenant"):
            secrets.value("a", "none")
    store.values["team/a/none"] = "there"
    assert secrets.value("a", "none") == "there"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"), "AccessDeniedException"),
        (EndpointConnectionError(endpoint_url="https://x.example"), "EndpointConnectionError"),
    ],
)
def test_a_store_that_does_not_answer_has_a_name(error: Exception, said: str) -> None:
    store = Store({})
    store.error = error
    with pytest.raises(SecretFailed, match=said) as caught:
        store.secrets().value("a", "key")
    assert caught.value.name == "Secrets.Unavailable"


def test_without_a_store_there_is_nothing() -> None:
    with pytest.raises(SecretFailed, match="SEDO_SECRETS") as caught:
        Secrets(None, "").value("a", "key")
    assert caught.value.name == "Secrets.NotFound"


def test_secrets_are_filled_in_by_place_and_the_request_stays_as_it_was() -> None:
    hidden = [
        {"at": ["headers", "x"], "parts": [{"text": "k "}, {"secret": "key"}]},
        {"at": ["body", "list", 1], "parts": [{"secret": "key"}, {"text": '{"secret":"key"}'}]},
    ]
    request: dict[str, Any] = {"headers": {"x": ""}, "body": {"list": ["${ secrets.key }", ""]}, "secrets": hidden}
    filled, used = Store(dict(VALUES)).secrets().fill(request, "a")
    assert filled["headers"] == {"x": "k of a"}
    assert filled["body"] == {"list": ["${ secrets.key }", 'of a{"secret":"key"}']}
    assert used == ["of a", "of a"]
    assert request["headers"] == {"x": ""}
    assert request["body"]["list"][1] == ""


def test_a_request_without_secrets_needs_no_store() -> None:
    request = {"url": "https://x.example"}
    assert Secrets(None, "").fill(request, "") == (request, [])

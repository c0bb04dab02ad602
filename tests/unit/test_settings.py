"""Settings: everything has a default, everything can be set, and what is wrong is named."""

from __future__ import annotations

from dataclasses import fields

import pytest

from chalicelib.settings import Settings, from_environment


def test_nothing_set_gives_the_defaults() -> None:
    assert from_environment({}) == Settings()


def test_every_setting_has_a_variable() -> None:
    values = {
        "str": "x-",
        "int": "7",
        "float": "7.5",
        "bool": "true",
        "tuple[int, ...]": "1,2",
        "tuple[str, ...]": "a,b",
    }
    environment = {f"SEDO_{field.name.upper()}": values[str(field.type)] for field in fields(Settings)}
    environment["SEDO_SECRETS"] = "ssm:team"
    found, plain = from_environment(environment), Settings()
    for field in fields(Settings):
        assert getattr(found, field.name) != getattr(plain, field.name), field.name


def test_what_is_not_a_number_is_named() -> None:
    with pytest.raises(ValueError, match="SEDO_WATCHDOG_SECONDS must be a number, found 'soon'"):
        from_environment({"SEDO_WATCHDOG_SECONDS": "soon"})


def test_names_carry_the_prefix() -> None:
    assert Settings().resource("execution") == "sedo_execution"
    assert Settings(prefix="dev-").resource("timeout-queue") == "dev-sedo_timeout-queue"


def test_switches_are_off_unless_they_say_true() -> None:
    assert from_environment({"SEDO_METER": "true"}).meter
    assert not from_environment({"SEDO_METER": "false"}).meter
    assert not from_environment({"SEDO_HTTP_ALLOW_PRIVATE": ""}).http_allow_private


def test_lists_are_of_what_stands_between_commas() -> None:
    assert from_environment({"SEDO_LAMBDA_ALLOWED": " a-*, ,b "}).lambda_allowed == ("a-*", "b")
    assert from_environment({"SEDO_HTTP_ALLOWED_HOSTS": ""}).http_allowed_hosts == ()


@pytest.mark.parametrize("text", ["vault:x", "ssm", "ssm:", "ssm:/", "secretsmanager"])
def test_a_source_of_secrets_that_does_not_exist_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="SEDO_SECRETS must be secretsmanager:PREFIX or ssm:PREFIX"):
        from_environment({"SEDO_SECRETS": text})

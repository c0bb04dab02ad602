"""The parts of packaging and deploying that need no AWS: who may call, names, policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import access, deploy, package, rights

ROOT = Path(__file__).resolve().parents[3]


def test_only_the_named_networks_are_let_in() -> None:
    (statement,) = access.policy(["203.0.113.7/32"])["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Condition"] == {"IpAddress": {"aws:SourceIp": ["203.0.113.7/32"]}}


def test_everybody_is_let_in_only_without_a_condition() -> None:
    (statement,) = access.policy([])["Statement"]
    assert "Condition" not in statement


@pytest.mark.parametrize(
    ("text", "expected"),
    [("203.0.113.7\n", "203.0.113.7/32"), ("203.0.113.7/24", "203.0.113.0/24"), ("2001:db8::1", "2001:db8::1/128")],
)
def test_networks_are_written_in_one_way(text: str, expected: str) -> None:
    assert access.network(text) == expected


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        access.network("<html>")


def test_public_and_allow_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy.parse(["--public", "--allow", "203.0.113.7"], {"dev": {}})
    assert "not allowed with" in capsys.readouterr().err


def test_the_local_stage_cannot_be_deployed() -> None:
    with pytest.raises(SystemExit):
        deploy.parse(["--stage", "local"], {"dev": {}, "local": {}})


def test_functions_have_the_names_that_chalice_deploy_gives() -> None:
    assert package.function_name("sedo-dev", "APIHandler") == "sedo-dev"
    assert package.function_name("sedo-dev", "DeadLetterProcessor") == "sedo-dev-dead-letter-processor"


def test_the_prefix_of_a_stage_wins_over_the_common_one() -> None:
    config = {
        "environment_variables": {"SEDO_PREFIX": "a-"},
        "stages": {"dev": {}, "test": {"environment_variables": {"SEDO_PREFIX": "b-"}}},
    }
    assert package.prefix_of(config, "dev") == "a-"
    assert package.prefix_of(config, "test") == "b-"
    assert package.prefix_of({}, "dev") == ""


def test_every_function_has_a_policy_file_of_its_own() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    named = [function["iam_policy_file"] for function in config["lambda_functions"].values()]
    assert sorted(named) == sorted(path.name for path in (ROOT / ".chalice").glob("policy-*.json"))


def test_no_function_waits_longer_than_its_queue_hides_a_message() -> None:
    """AWS asks for six times the function's timeout."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    resources = json.loads((ROOT / "resources.json").read_text())
    hidden = resources["Parameters"]["VisibilityTimeoutSeconds"]["Default"]
    timeouts = [f["lambda_timeout"] for name, f in config["lambda_functions"].items() if name.endswith("-processor")]
    assert len(timeouts) == 3
    assert max(timeouts) * 6 <= hidden


def test_nothing_is_allowed_where_no_setting_allows_it() -> None:
    assert rights.statements({}) == []
    assert rights.statements({"SEDO_LAMBDA_ALLOWED": " ", "SEDO_QUEUE_ALLOWED": ",", "SEDO_SECRETS": ""}) == []


def test_rights_are_those_of_the_settings() -> None:
    found = rights.statements(
        {
            "SEDO_LAMBDA_ALLOWED": "orders-*, arn:aws:lambda:*:999999999999:function:price",
            "SEDO_QUEUE_ALLOWED": "orders*",
            "SEDO_SECRETS": "ssm:/team/",
        }
    )
    assert {one["Sid"]: (one["Effect"], one["Resource"]) for one in found} == {
        "InvokeAllowedFunctions": (
            "Allow",
            [
                "arn:aws:lambda:*:*:function:orders-*",
                "arn:aws:lambda:*:*:function:orders-*:*",
                "arn:aws:lambda:*:999999999999:function:price",
                "arn:aws:lambda:*:999999999999:function:price:*",
            ],
        ),
        "InvokeNothingOfSedo": ("Deny", ["arn:aws:lambda:*:*:function:sedo-*"]),
        "SendToAllowedQueues": ("Allow", ["arn:aws:sqs:*:*:orders*"]),
        "ReadSecrets": ("Allow", ["arn:aws:ssm:*:*:parameter/team/*"]),
    }
    (secrets,) = rights.statements({"SEDO_SECRETS": "secretsmanager:sedo"})
    assert secrets["Resource"] == ["arn:aws:secretsmanager:*:*:secret:sedo/*"]


def test_a_pattern_that_policies_do_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="SEDO_QUEUE_ALLOWED"):
        rights.statements({"SEDO_QUEUE_ALLOWED": "orders-[ab]"})


def test_a_stages_settings_reach_the_policies_of_what_performs_calls() -> None:
    with package.project("local") as folder:
        for name in rights.CALLERS:
            policy = json.loads((folder / ".chalice" / name).read_text())
            assert "SendToAllowedQueues" in [one["Sid"] for one in policy["Statement"]]
        assert "SendToAllowedQueues" not in (folder / ".chalice" / "policy-api.json").read_text()
    with package.project("dev") as folder:
        copied = (folder / ".chalice" / rights.CALLERS[0]).read_text()
        assert json.loads(copied) == json.loads((ROOT / ".chalice" / rights.CALLERS[0]).read_text())

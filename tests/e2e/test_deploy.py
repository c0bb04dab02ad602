"""scripts/deploy, as far as the emulator goes: it can import an API and cannot update one."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from sandbox import emulators
from tools import deploy, record

REGION = emulators.REGION
PROCESSORS = ["sedo-dev-dead-letter-processor", "sedo-dev-execution-processor", "sedo-dev-timeout-processor"]


@pytest.fixture
def own_ministack(monkeypatch: pytest.MonkeyPatch) -> object:
    """Empty, since the packaged stack has the same names."""
    with emulators.start_ministack() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield url


def test_it_deploys_and_a_lost_record_is_made_anew(
    own_ministack: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = deploy.deploy("dev", REGION, ["203.0.113.7/32"], tmp_path)
    assert url.startswith("https://")
    assert url.endswith("/api")
    said = capfd.readouterr().out
    assert all(f"[{number}/4]" in said for number in (1, 2, 3, 4))
    assert "open to 203.0.113.7/32" in said

    session = boto3.session.Session(region_name=REGION)
    names = {function["FunctionName"] for function in session.client("lambda").list_functions()["Functions"]}
    assert names == {*PROCESSORS, "sedo-dev", "sedo-dev-tick"}

    (kept,) = tmp_path.rglob("dev.json")
    deployed = json.loads(kept.read_text())
    assert [arn.rsplit(":", 1)[-1] for arn in record.queue_functions(deployed)] == PROCESSORS
    rebuilt = record.rebuild(session, "sedo", "dev")
    assert rebuilt is not None
    by_name = {one["name"]: one for one in deployed["resources"]}
    assert sorted(one["resource_type"] for one in rebuilt["resources"]) == ["rest_api", *["sqs_event"] * 3]
    for one in rebuilt["resources"]:
        assert {**by_name[one["name"]], "rest_api_url": ""} == {"rest_api_url": "", **one}


def test_nothing_deployed_means_no_record(own_ministack: str) -> None:
    assert record.rebuild(boto3.session.Session(region_name=REGION), "sedo", "dev") is None

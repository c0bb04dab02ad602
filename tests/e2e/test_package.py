"""What scripts/package builds: only what ships, small, with one narrow policy for each function."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ZIP_LIMIT_BYTES = 5_000_000


@pytest.fixture
def template(built: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((built / "sam.json").read_text())
    return found


def test_the_zip_holds_what_ships_and_nothing_else(built: Path) -> None:
    path = built / "deployment.zip"
    names = zipfile.ZipFile(path).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"app.py", "chalicelib", "chalice", "jsonschema", "jmespath", "ruamel"} <= tops
    assert not tops & {"tests", "sandbox", "sedo", "tools", "scripts", "boto3", "botocore"}
    assert path.stat().st_size < ZIP_LIMIT_BYTES
    shipped = {name for name in names if name.startswith("chalicelib/")}
    files = [file for file in (ROOT / "chalicelib").rglob("*") if file.is_file()]
    wanted = {str(file.relative_to(ROOT)) for file in files if file.suffix in (".py", ".yaml", ".json")}
    assert shipped == wanted


def functions(template: dict[str, Any]) -> dict[str, Any]:
    return {n: one for n, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}


def test_tables_and_queues_are_those_of_resources_json(template: dict[str, Any]) -> None:
    resources = json.loads((ROOT / "resources.json").read_text())["Resources"]
    assert {name: template["Resources"][name] for name in resources} == resources


def references(value: Any) -> set[str]:
    """The names that a part of the template refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
        case dict():
            return set().union(*(references(part) for part in value.values()))
        case list():
            return set().union(*(references(part) for part in value))
    return set()


def test_everything_referred_to_is_there(template: dict[str, Any]) -> None:
    """AWS refuses a template with a loose end; the emulator does not."""
    named = references([template["Resources"], template["Outputs"]])
    assert {name for name in named if not name.startswith("AWS::")} <= {*template["Resources"], *template["Parameters"]}


def test_functions_come_after_the_queues_and_may_send_to_them(template: dict[str, Any]) -> None:
    found = functions(template)
    assert set(found) == {"APIHandler", "ExecutionProcessor", "TimeoutProcessor", "DeadLetterProcessor", "Tick"}
    for name, function in found.items():
        assert {"ReadyQueue", "TimeoutQueue", "DeadLetterQueue", "ExecutionTable"} <= set(function["DependsOn"])
        assert function["Properties"]["FunctionName"].startswith("sedo-dev")
        assert function["Properties"].get("RecursiveLoop") == ("Allow" if name.endswith("Processor") else None)


def test_each_function_has_a_role_of_its_own_without_wildcards(template: dict[str, Any]) -> None:
    roles = [one["Properties"]["Role"]["Fn::GetAtt"][0] for one in functions(template).values()]
    assert len(set(roles)) == len(roles)
    for role in roles:
        for policy in template["Resources"][role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not [action for action in statement["Action"] if "*" in action]
                resources = statement["Resource"]
                for arn in [resources] if isinstance(resources, str) else resources:
                    assert "sedo" in arn.split(":", 5)[5], arn

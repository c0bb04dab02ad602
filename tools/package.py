"""Builds what AWS gets into a folder: sam.json and deployment.zip, by `chalice package`.

    scripts/package OUT [--stage dev] [--region us-east-1]

The tables and queues of resources.json are in the same template, so a stack made from it is a whole sedo. Dependencies
are those of requirements.txt for the Python that runs this.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.bootstrap import ROOT, VENV
from tools import rights

RESOURCES = ROOT / "resources.json"
SHIPPED_FILES = ("app.py", "requirements.txt", ".chalice/config.json")
SHIPPED_LIBRARY = "chalicelib"
API_FUNCTION = "APIHandler"
NOT_SHIPPED = ("__pycache__", ".*", "ruff.toml", "*.pyc")


class PackageError(RuntimeError):
    """Chalice could not build the package; the text is what it said."""


@contextlib.contextmanager
def project(stage: str) -> Iterator[Path]:
    """A copy of what ships, and nothing else: Chalice would take every file that lies in chalicelib.

    Policies hold what the stage's settings allow.
    """
    with tempfile.TemporaryDirectory(prefix="sedo-package-") as folder:
        copy = Path(folder) / "sedo"
        for name in (*SHIPPED_FILES, *(str(file.relative_to(ROOT)) for file in ROOT.glob(".chalice/policy-*.json"))):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        shutil.copytree(ROOT / SHIPPED_LIBRARY, copy / SHIPPED_LIBRARY, ignore=shutil.ignore_patterns(*NOT_SHIPPED))
        config = json.loads((copy / ".chalice" / "config.json").read_text())
        try:
            rights.add(copy / ".chalice", environment_of(config, stage))
        except ValueError as error:
            raise PackageError(str(error)) from error
        yield copy


def package(out: Path, stage: str, region: str) -> Path:
    """Fills `out`; gives the template's path."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SEDO_", "AWS_ENDPOINT_URL"))},
        "AWS_DEFAULT_REGION": region,
    }
    with project(stage) as folder:
        command = [
            str(VENV / "bin" / "chalice"), "--project-dir", str(folder),
            "package", "--stage", stage, "--merge-template", str(RESOURCES), str(out.resolve()),
        ]  # fmt: skip
        # Not from here: Chalice imports the app by name, and the copy must be what it finds.
        environment["PYTHONPATH"] = str(folder)
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise PackageError((done.stderr or done.stdout).strip())
        config = json.loads((folder / ".chalice" / "config.json").read_text())
    template = out / "sam.json"
    completed = complete(json.loads(template.read_text()), prefix_of(config, stage), f"{config['app_name']}-{stage}")
    template.write_text(json.dumps(completed, indent=2) + "\n")
    return template


def prefix_of(config: Mapping[str, Any], stage: str) -> str:
    """The stage's SEDO_PREFIX, which the handlers' queues already have in their names."""
    return environment_of(config, stage).get("SEDO_PREFIX", "")


def environment_of(config: Mapping[str, Any], stage: str) -> dict[str, str]:
    """The environment variables of a stage's functions."""
    places = [config, config.get("stages", {}).get(stage, {})]
    return {name: str(v) for place in places for name, v in place.get("environment_variables", {}).items()}


def complete(template: dict[str, Any], prefix: str, names: str) -> dict[str, Any]:
    """Adds what Chalice cannot know, or has wrong. Functions are named after `names`, as by `chalice deploy`."""
    resources = template["Resources"]
    kinds = ("AWS::SQS::Queue", "AWS::DynamoDB::Table")
    stateful = sorted(name for name, one in resources.items() if one["Type"] in kinds)
    for logical_id, one in resources.items():
        if one["Type"] == "AWS::Serverless::Function":
            # Queues before what reads them, and processors may send to the queues that call them.
            one["DependsOn"] = stateful
            one["Properties"]["FunctionName"] = function_name(names, logical_id)
            if any(event["Type"] == "SQS" for event in one["Properties"].get("Events", {}).values()):
                one["Properties"]["RecursiveLoop"] = "Allow"
        elif one["Type"] == "AWS::Logs::LogGroup":
            # Chalice writes the name of its API function in two ways; AWS refuses what refers to nothing.
            group = one["Properties"]["LogGroupName"]
            group["Fn::Sub"] = group["Fn::Sub"].replace("${ApiHandler}", f"${{{API_FUNCTION}}}")
    template["Parameters"]["Prefix"]["Default"] = prefix
    return template


def function_name(names: str, logical_id: str) -> str:
    """TimeoutProcessor → sedo-dev-timeout-processor; the policies let each write to the log of that name."""
    return names if logical_id == API_FUNCTION else names + re.sub(r"(?=[A-Z])", "-", logical_id).lower()


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        "scripts/package", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="the folder to fill")
    parser.add_argument("--stage", default="dev", help="a stage of .chalice/config.json (dev)")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    asked = parser.parse_args(arguments)
    try:
        template = package(asked.out, asked.stage, asked.region)
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    size = (asked.out / "deployment.zip").stat().st_size
    print(f"{template}\n{asked.out / 'deployment.zip'} ({size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Deploys sedo to AWS: the stack of resources, functions and API by `chalice deploy`, and what Chalice leaves out.

    scripts/deploy [--stage dev] [--region R] [--allow CIDR ... | --public]

Account and region come from the AWS SDK's own settings. It is safe to run again: what is there is updated. The API lets
in only the caller's address, unless --allow names others or --public opens it: there is no authorizer yet.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import provision
from sandbox.bootstrap import ROOT, VENV
from tools import access, record
from tools.package import RESOURCES, prefix_of, project

CONFIG = ROOT / ".chalice" / "config.json"
RECORDS = ROOT / ".chalice" / "deployed"
ACCESS_FILE = "access.json"


class DeployError(RuntimeError):
    """A step failed; the text says which and why."""


def step(number: int, text: str) -> None:
    """Says what comes next."""
    print(f"[{number}/4] {text}", flush=True)


def deploy(stage: str, region: str, allowed: Sequence[str], records: Path = RECORDS) -> str:
    """All steps in their order; gives the invoke URL."""
    config = json.loads(CONFIG.read_text())
    prefix = prefix_of(config, stage)
    session = boto3.session.Session(region_name=region)
    account = session.client("sts").get_caller_identity()["Account"]

    stack = provision.stack_name(prefix)
    step(1, f"account {account}, region {region}: tables and queues, by the stack {stack}")
    for name in provision.provision(RESOURCES, stack, {"Prefix": prefix}):
        print(f"      {name}")

    step(2, f"the stage {stage}, open to {', '.join(allowed) if allowed else 'everybody'}: chalice deploy")
    # A record for each account and region: the same stage may be in several.
    mine = records / f"{account}-{region}"
    deployed = chalice_deploy(session, config["app_name"], stage, mine, allowed)

    step(3, "the processors may send to the queues that call them")
    for arn in record.queue_functions(deployed):
        session.client("lambda").put_function_recursion_config(FunctionName=arn, RecursiveLoop="Allow")
        print(f"      {arn.rsplit(':', 1)[-1]}")

    group = f"/aws/lambda/{config['app_name']}-{stage}"
    step(4, f"the API's log is kept for {config['log_retention_in_days']} days, like the others")
    keep_log(session.client("logs"), group, config["log_retention_in_days"])
    return record.invoke_url(deployed)


def chalice_deploy(session: Any, app: str, stage: str, records: Path, allowed: Sequence[str]) -> dict[str, Any]:
    """Chalice's record of what it deployed. It runs on a copy of what ships, with the access policy beside it."""
    records.mkdir(parents=True, exist_ok=True)
    kept = records / f"{stage}.json"
    if not kept.exists():
        found = record.rebuild(session, app, stage)
        if found:
            print("      found an earlier deployment that this machine has no record of; going on from it")
            kept.write_text(json.dumps(found, indent=2) + "\n")
    with project(stage) as folder:
        (folder / ".chalice" / "deployed").symlink_to(records.resolve())
        restrict(folder, stage, allowed)
        command = [str(VENV / "bin" / "chalice"), "--project-dir", str(folder), "deploy", "--stage", stage]
        environment = {**os.environ, "AWS_DEFAULT_REGION": session.region_name, "PYTHONPATH": str(folder)}
        with subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running:
            assert running.stdout
            for line in running.stdout:
                print(f"      {line}", end="", flush=True)
        if running.returncode != 0:
            raise DeployError("chalice deploy failed; what it says stands above. Run this again once that is mended")
    deployed: dict[str, Any] = json.loads(kept.read_text())
    return deployed


def keep_log(client: Any, group: str, days: int) -> None:
    """Chalice bounds a log of another name, to which the API's function does not write."""
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_group(logGroupName=group)
    client.put_retention_policy(logGroupName=group, retentionInDays=days)
    print(f"      {group}")


def restrict(folder: Path, stage: str, allowed: Sequence[str]) -> None:
    """Writes the API's resource policy and names it in the stage's settings."""
    (folder / ".chalice" / ACCESS_FILE).write_text(json.dumps(access.policy(allowed), indent=2))
    path = folder / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["stages"][stage]["api_gateway_policy_file"] = ACCESS_FILE
    path.write_text(json.dumps(config, indent=2))


def parse(arguments: Sequence[str], stages: Mapping[str, Any]) -> argparse.Namespace:
    """The command line, checked as far as that goes without AWS."""
    parser = argparse.ArgumentParser(
        "scripts/deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", default="dev", choices=[name for name in stages if name != "local"])
    parser.add_argument("--region", help="where the AWS SDK's settings name none, or another")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--allow", action="append", type=access.network, metavar="CIDR", help="an address or network")
    who.add_argument("--public", action="store_true", help="let everybody in")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """The command."""
    asked = parse(arguments, json.loads(CONFIG.read_text())["stages"])
    region = asked.region or boto3.session.Session().region_name
    try:
        if not region:
            raise DeployError("no region is set; name one with --region")
        allowed = [] if asked.public else asked.allow or [access.own_network()]
        url = deploy(asked.stage, region, allowed)
    except (DeployError, access.AccessError, provision.ProvisionError, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    print(f"INVOKE_URL={url}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""LocalStack 4.14.0 on 127.0.0.1 in the foreground, without Docker.

The first time it is installed from PyPI and Maven Central into .sandbox/localstack; for that it needs Java 17 or newer,
Maven, and a Python 3.13 (uv finds or brings one; SEDO_PYTHON313 names one). Its gateway listens on the loopback address
alone; the DynamoDB Local inside knows no such choice and listens on a random port of every interface.
"""

from __future__ import annotations

import argparse
import os
import sys

from sandbox import bootstrap
from sandbox.localstack import install

SERVICES = "cloudformation,dynamodb,sqs,sts,iam,s3,logs,events,lambda,stepfunctions,secretsmanager,ssm"
WORK = install.HOME / "work"


def environment(port: int) -> dict[str, str]:
    """What LocalStack reads; SERVICES can be set from outside."""
    return {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AWS_ENDPOINT_URL")},
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(install.ROOT),
        "OVERRIDE_IN_DOCKER": "0",
        "SERVICES": os.environ.get("SERVICES", SERVICES),
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DYNAMODB_IN_MEMORY": "1",
    }


def main() -> None:
    """Installs where needed, then becomes LocalStack."""
    parser = argparse.ArgumentParser(
        "scripts/localstack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=4566, help="4566 unless told otherwise")
    parser.add_argument("--install-only", action="store_true", help="install and end")
    asked = parser.parse_args()
    try:
        install.ensure()
    except bootstrap.BootstrapError as error:
        sys.exit(f"localstack: {error}")
    if asked.install_only:
        return
    # It imports from where it is started, so it gets a folder with nothing in it.
    WORK.mkdir(exist_ok=True)
    os.chdir(WORK)
    python = str(bootstrap.python_of(install.VENV))
    launch = install.REQUIREMENTS.with_name("launch.py")
    os.execve(python, [python, "-P", str(launch)], environment(asked.port))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

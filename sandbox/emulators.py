"""The emulators of AWS: how each is started, when it is ready, and how to point a tool at it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import net
from sandbox.bootstrap import ROOT, STATE, ensure_ministack
from sandbox.processes import Part, PartError, Reaper

REGION = "us-east-1"
END_SECONDS = 20.0
UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_CONFIG_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
SERVICES = "cloudformation,dynamodb,sqs,sts,iam,s3,logs,events,lambda,secretsmanager,ssm"


@dataclass(frozen=True)
class Emulator:
    """`command` is empty for one that others run."""

    name: str
    url: str
    health: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str | None] = field(default_factory=dict)
    ready_within_seconds: float = 60.0

    def is_healthy(self) -> bool:
        """One that others run only has to answer: we do not know which it is."""
        return net.answers(self.health, any_status=not self.command)


def ministack(port: int, state_dir: Path | None = None, scratch: Path = STATE / "scratch") -> Emulator:
    """With a state_dir it saves its state there when it ends cleanly, and finds it again."""
    scratch.mkdir(parents=True, exist_ok=True)
    env = {
        "BIND_HOST": net.HOST,
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(scratch),
        "S3_DATA_DIR": str((state_dir or scratch) / "s3"),
        "STATE_DIR": str(state_dir or scratch / "state"),
        "PERSIST_STATE": "1" if state_dir else "0",
        "S3_PERSIST": "1" if state_dir else "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        **dict.fromkeys(("AWS_ENDPOINT_URL", "SERVICES", "PYTHONPATH", "DOCKER_HOST")),
    }
    url = f"http://{net.HOST}:{port}"
    return Emulator("ministack", url, f"{url}/_ministack/health", (str(ensure_ministack()),), env)


def localstack(port: int) -> Emulator:
    """By the project's own script, which installs it at its first use: hence the patience."""
    url = f"http://{net.HOST}:{port}"
    env = {"GATEWAY_LISTEN": f"{net.HOST}:{port}", "SERVICES": SERVICES, "PYTHONPATH": None}
    command = (str(ROOT / "scripts" / "localstack"), "--port", str(port))
    return Emulator("localstack", url, f"{url}/_localstack/health", command, env, ready_within_seconds=900.0)


def external(url: str) -> Emulator:
    """One that runs already, which we neither start nor end."""
    url = url.rstrip("/")
    return Emulator("external", url, f"{url}/_localstack/health")


def aws_environment(url: str) -> dict[str, str | None]:
    """Points the AWS SDKs and tools at an emulator, and away from whatever account the caller has at hand."""
    set_values: dict[str, str | None] = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return {**set_values, **dict.fromkeys(UNSET)}


@contextlib.contextmanager
def start_ministack(port: int | None = None, state_dir: Path | None = None) -> Iterator[str]:
    """A MiniStack for the length of a `with`, on a free port unless told which; gives its URL."""
    scratch = Path(tempfile.mkdtemp(prefix="ministack-"))
    emulator = ministack(port or net.free_port(), state_dir, scratch)
    with Reaper() as reaper:
        part = Part("MiniStack", emulator.command, scratch / "ministack.log", reaper, emulator.env, cwd=scratch)
        try:
            part.start()
            part.wait_until(emulator.is_healthy, emulator.ready_within_seconds)
            yield emulator.url
        finally:
            part.end(END_SECONDS)
            shutil.rmtree(scratch, ignore_errors=True)


__all__ = ["Emulator", "PartError", "aws_environment", "external", "localstack", "ministack", "start_ministack"]

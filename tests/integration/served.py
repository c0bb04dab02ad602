"""sedo over HTTP for tests: tables and queues of its own on an emulator, the API and a worker as processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import emulators, net

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionCancelled")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Api:
    """A client of one tenant; `send` takes paths below the tenant, or whole ones that begin with `/`."""

    url: str
    tenant_id: str

    def send(
        self, method: str, path: str, body: Any = None, content_type: str | None = "application/json", **headers: str
    ) -> Reply:
        """Send a request; bytes and texts go as they are, anything else as JSON."""
        content = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        content = content.encode() if isinstance(content, str) else content
        full = path if path.startswith("/") else f"/sedo/tenants/{self.tenant_id}/{path}"
        request = urllib.request.Request(self.url + full, content, method=method)
        if content is not None and content_type is not None:
            request.add_header("Content-Type", content_type)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, dict(answer.headers.items()), answer.read().decode())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers.items()), error.read().decode())

    def get(self, path: str) -> Reply:
        """Send a GET."""
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, content_type: str | None = "application/json", **headers: str) -> Reply:
        """Send a POST."""
        return self.send("POST", path, body, content_type, **headers)

    def pages(self, path: str) -> list[Any]:
        """Return the items of a list and of all pages that follow."""
        page = self.get(path)
        items = list(page.json)
        while link := page.headers.get("Link"):
            page = self.get(path.partition("?")[0] + link[1 : link.index(">")])
            items += page.json
        return items

    def for_tenant(self, tenant_id: str) -> Api:
        """The same service, another tenant."""
        return Api(self.url, tenant_id)

    def wait_for_end(self, execution_id: str, seconds: float = 30) -> Any:
        """Return the execution once it has ended."""
        return wait_until(
            lambda: self.get(f"executions/{execution_id}").json, lambda found: found["state"] in ENDS, seconds
        )


def wait_until(ask: Callable[[], Any], good: Callable[[Any], bool], seconds: float) -> Any:
    """Ask until the answer is good; the last answer is in the error when it never is."""
    deadline = time.monotonic() + seconds
    while not good(answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last: {answer}"
        time.sleep(0.2)
    return answer


@contextlib.contextmanager
def serving(emulator_url: str, log_folder: Path) -> Iterator[Api]:
    """Bring sedo up on an emulator under a prefix of its own, and take it down again."""
    environment = dict(os.environ)
    for name, value in emulators.aws_environment(emulator_url).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    environment["SEDO_PREFIX"] = f"t{uuid.uuid4().hex[:8]}-"
    _run(environment, "sandbox.provision")
    port = net.free_port()
    api = _start(environment, log_folder / "api.log", "sandbox.api", "--port", str(port))
    worker = _start(environment, log_folder / "worker.log", "sandbox.worker")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: net.answers(f"{url}/health"), bool, READY_SECONDS)
        yield Api(url, f"t-{uuid.uuid4().hex[:8]}")
    finally:
        for process in (api, worker):
            process.send_signal(signal.SIGTERM)
        for process in (api, worker):
            process.wait(timeout=60)
        _run(environment, "sandbox.provision", "--delete")


def _run(environment: Mapping[str, str], *module_and_arguments: str) -> None:
    command = [sys.executable, "-m", *module_and_arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _start(environment: Mapping[str, str], log: Path, *module_and_arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", *module_and_arguments]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

"""The `sedo` command against a running sandbox, as people use it: put, execute, follow, look, cancel."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import net
from sandbox.bootstrap import ROOT
from tests.foreground import in_foreground
from tests.integration.sandbox_process import sandbox

DEFINITION = """\
id: errand
inputSchema: { type: object, required: [seconds] }
steps:
  - { id: hello, type: echo, message: hello, next: rest }
  - { id: rest, type: wait, seconds: "${ input.seconds }", next: call }
  - id: call
    type: http
    url: http://127.0.0.1:9/nobody
    retry: [{ errors: [Http.ConnectionFailed], maxAttempts: 2, intervalSeconds: 1 }]
    catch: [{ errors: [Http], stash: { problem: "${ error.name }" }, next: bye }]
    next: bye
  - { id: bye, type: pass, output: { problem: "${ stash.problem }" }, end: true }
"""


class Command:
    """`sedo`, with the environment that its page tells people to set."""

    def __init__(self, url: str) -> None:
        self.environment = os.environ | {"SEDO_URL": url, "SEDO_TENANT": "people", "PYTHONPATH": str(ROOT)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = in_foreground([sys.executable, "-m", "sedo.cli", *words])
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Standard output and standard error."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, out + err
        return out, err


@pytest.fixture(scope="module")
def sedo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    file = tmp_path_factory.mktemp("definitions") / "errand.yaml"
    file.write_text(DEFINITION)
    with sandbox() as running:
        command = Command(running.api_url)
        assert command("definitions", "put", str(file))[0] == "errand\n"
        yield command


def test_follow_shows_steps_while_they_happen(sedo: Command) -> None:
    process = sedo.start("execute", "errand", "--input", '{"seconds": 3}', "--follow")
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.rstrip().endswith("rest"):
            break
    execution = seen[0].split()[0]
    state, _ = sedo("executions", "get", execution, "--json")
    assert json.loads(state)["state"] == "StepStarted", "it was shown only after it had ended"
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)) == (0, {"problem": "Http.ConnectionFailed"})
    rest = re.findall(r"^ *([0-9.]+) s  (\w+) +([\w-]*)", err, re.MULTILINE)
    assert [(kind, step) for _, kind, step in rest] == [
        ("StepSucceeded", "rest"),
        ("StepStarted", "call"),
        ("StepRetried", "call"),
        ("StepFailed", "call"),
        ("StepStarted", "bye"),
        ("StepSucceeded", "bye"),
        ("ExecutionSucceeded", ""),
    ]
    assert float(rest[0][0]) >= 3.0
    rows = {row["step"]: row for row in json.loads(sedo("executions", "graph", execution, "--json")[0])["steps"]}
    assert (rows["call"]["state"], rows["call"]["attempts"]) == ("failed", 2)
    assert rows["rest"]["seconds"] >= 3.0
    drawn = sedo("executions", "graph", execution)[0]
    assert re.search(r"classDef failed .*\n  class s3 failed\n", drawn)


def test_ctrl_c_lets_the_execution_go_on(sedo: Command) -> None:
    process = sedo.start("execute", "errand", "--input", '{"seconds": 600}', "-f")
    assert process.stderr
    execution = process.stderr.readline().split()[0]
    for line in process.stderr:
        if line.rstrip().endswith("rest"):
            break
    process.send_signal(signal.SIGINT)
    assert "the execution goes on" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "StepStarted" in sedo("executions", "list", "--state", "StepStarted")[0]
    assert "ExecutionCancelled" in sedo("executions", "cancel", execution, "--cause", "enough")[0]
    assert "Execution.Cancelled: enough" in sedo("executions", "history", execution, "--follow", code=1)[1]


def test_names_and_refusals(sedo: Command) -> None:
    words = ("execute", "errand", "--name", "one", "--input")
    first = sedo(*words, '{"seconds": 0}')[0]
    assert sedo(*words, '{"seconds": 0}')[0] == first
    assert "name is taken" in sedo(*words, '{"seconds": 1}', code=1)[1]
    assert "/seconds: field 'seconds' is missing" in sedo("execute", "errand", code=1)[1]
    assert "is unknown" in sedo("definitions", "get", "nobody", code=1)[1]


def test_nobody_there(tmp_path: Path) -> None:
    assert "no answer from" in Command(f"http://127.0.0.1:{net.free_port()}")("definitions", "list", code=3)[1]

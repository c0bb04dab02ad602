"""scripts/sandbox from the outside: ready, the words, ends that leave nothing, exit codes, kept state."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import net
from sandbox.bootstrap import STATE
from sandbox.code_watch import CodeWatch
from tests.integration.sandbox_process import Running, ask, command, is_alive, sandbox
from tests.integration.second_process import wait_for

QUICK = """\
id: quick
inputSchema: {type: object, properties: {foo: {type: string}}, required: [foo]}
steps:
  - {id: hello, type: echo, message: hello, next: rest}
  - {id: rest, type: wait, seconds: 1, next: bye}
  - {id: bye, type: echo, message: bye, end: true}
"""
FAILING = "id: failing\nsteps:\n  - {id: stop, type: fail, error: Told.To, cause: because}\n"


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    with sandbox("--workers", "2") as running:
        yield running


def parts(running: Running) -> dict[str, int]:
    """Process ids by name, from the note that the sandbox keeps while it is up."""
    note = json.loads((STATE / "run" / f"{running.api_port}.json").read_text())
    found: dict[str, int] = note["parts"]
    return found


def test_status_and_env(up: Running) -> None:
    status = command("status", "--api-port", str(up.api_port))
    assert status.returncode == 0
    for name in ("answers", "ministack", "worker-1", "worker-2", "logs"):
        assert name in status.stdout
    assert "does not answer" not in status.stdout
    env = command("env", "--api-port", str(up.api_port)).stdout
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{up.emulator_port}\n" in env
    assert f"export INVOKE_URL={up.api_url}\n" in env
    assert command("status", "--api-port", str(net.free_port())).returncode == 1


def test_run_on_one_that_is_up(up: Running, tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK)
    words = ("--run", "quick.yaml", "--api-port", str(up.api_port), "--tenant", "runs")
    done = command(*words, "--input", '{"foo": "bar"}', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"foo": "bar"}
    order = [
        done.stderr.index(text)
        for text in ("StepStarted           rest", "StepSucceeded         bye", "ExecutionSucceeded")
    ]
    assert order == sorted(order)
    assert command(*words, "--input", "-", given='{"foo": "stdin"}', folder=tmp_path).stdout.split() == [
        "{",
        '"foo":',
        '"stdin"',
        "}",
    ]
    refused = command(*words, "--input", "{}", folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "'foo' is a required property" in refused.stderr


def test_run_that_does_not_succeed(up: Running, tmp_path: Path) -> None:
    (tmp_path / "failing.yaml").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text("id: wrong\nsteps: [{id: a, type: nothing}]\n")
    port = ("--api-port", str(up.api_port))
    failed = command("--run", "failing.yaml", *port, folder=tmp_path)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "Told.To" in failed.stderr
    wrong = command("--run", "wrong.yaml", *port, folder=tmp_path)
    assert wrong.returncode == 2
    assert "/steps/0" in wrong.stderr
    assert command("--run", "none.yaml", *port, folder=tmp_path).returncode == 2


def test_reset_forgets(up: Running) -> None:
    url = f"{up.api_url}/sedo/tenants/forgetful/definitions"
    ask(url, {"id": "d", "steps": [{"id": "a", "type": "pass", "end": True}]})
    assert len(ask(url)) == 1
    done = command("reset", "--api-port", str(up.api_port))
    assert done.returncode == 0, done.stderr
    assert ask(url) == []


def test_taken_ports_are_one_sentence(up: Running, tmp_path: Path) -> None:
    taken = command("--api-port", str(up.api_port), "--emulator-port", str(net.free_port()))
    assert taken.returncode == 1
    assert taken.stderr.count("\n") == 1
    assert f"port {up.api_port}, where the API should listen, is in use: is sedo up already?" in taken.stderr
    emulator = command("--api-port", str(net.free_port()), "--emulator-port", str(up.emulator_port))
    assert emulator.returncode == 1
    assert f"port {up.emulator_port}, where ministack should listen, is in use" in emulator.stderr
    (tmp_path / "quick.yaml").write_text(QUICK)
    words = ("--run", "quick.yaml", "--input", '{"foo": "bar"}', "--api-port", str(net.free_port()))
    assert command(*words, "--emulator-port", str(up.emulator_port), folder=tmp_path).returncode == 3


def test_run_with_a_sandbox_of_its_own_on_an_emulator_that_runs(up: Running, tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK)
    port = str(net.free_port())
    words = ("--api-port", port, "--emulator", f"http://127.0.0.1:{up.emulator_port}", "--input", '{"foo": "own"}')
    done = command("--run", "quick.yaml", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"foo": "own"}
    assert net.is_free(int(port))
    nobody = command(
        "--run", "quick.yaml", "--api-port", port, "--emulator", "http://127.0.0.1:9", "--input", "{}", folder=tmp_path
    )
    assert nobody.returncode == 3
    assert "no emulator answers at http://127.0.0.1:9" in nobody.stderr


def test_state_survives_a_clean_stop(tmp_path: Path) -> None:
    definition = {"id": "kept", "steps": [{"id": "a", "type": "pass", "end": True}]}
    with sandbox("--data", str(tmp_path)) as running:
        ask(f"{running.api_url}/sedo/tenants/123/definitions", definition)
        pids = parts(running).values()
        assert running.end(signal.SIGINT)[0] == 0
        assert running.ports_are_free()
        assert not [pid for pid in pids if is_alive(pid)]
    with sandbox("--data", str(tmp_path)) as running:
        assert ask(f"{running.api_url}/sedo/tenants/123/definitions") == [{"id": "kept", "tenantId": "123"}]
    assert command("reset", "--api-port", str(net.free_port()), "--data", str(tmp_path)).returncode == 0
    assert not (tmp_path / "ministack").exists()


def test_a_part_that_dies_ends_all() -> None:
    with sandbox() as running:
        pids = parts(running)
        os.kill(pids["worker-1"], signal.SIGKILL)
        said = running.process.communicate(timeout=30)[1]
        assert running.process.returncode == 1
        assert "worker-1 was ended by signal 9." in said
        assert "worker: serving" in said
        assert running.ports_are_free()
        assert not [pid for pid in pids.values() if is_alive(pid)]


def test_nothing_outlives_a_killed_supervisor() -> None:
    with sandbox() as running:
        pids = parts(running)
        running.process.kill()
        running.process.wait()
        wait_for(lambda: not [pid for pid in pids.values() if is_alive(pid)], 20)
        assert running.ports_are_free()


def test_code_changes_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "chalicelib" / "engine").mkdir(parents=True)
    (tmp_path / "app.py").write_text("")
    with CodeWatch(tmp_path) as watch:
        time.sleep(0.5)
        (tmp_path / "README.md").write_text("no code")
        assert watch.changed_within(1.0) is None
        (tmp_path / "chalicelib" / "engine" / "new.py").write_text("")
        assert watch.changed_within(3.0) == "chalicelib/engine/new.py"
        (tmp_path / "app.new").write_text("changed")
        (tmp_path / "app.new").replace(tmp_path / "app.py")
        assert watch.changed_within(3.0) == "app.py"

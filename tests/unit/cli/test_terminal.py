"""On a real terminal, and on none: colour, widths, the live picture, questions, Ctrl-C, a reader who has left."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreground import in_foreground
from tests.unit.api.local import EXAMPLE
from tests.unit.cli.conftest import Service
from tests.unit.cli.serving import serving
from tests.unit.cli.test_tasks import TOKEN, Inbox

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "sedo.cli"]


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, url: str, *words: str, width: int = 80, **environment: str) -> None:
        self.end, ours = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")}
        variables = inherited | {"SEDO_URL": url, "SEDO_TENANT": "123", "TERM": "xterm", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            in_foreground([*COMMAND, *words]),
            stdin=ours,
            stdout=ours,
            stderr=ours,
            env=variables | environment,
            start_new_session=True,
        )
        os.close(ours)
        self.said = ""

    def until(self, text: str | None, seconds: float = 30) -> str:
        """All that was said up to a text, or to the end."""
        deadline = time.monotonic() + seconds
        while text is None or text not in self.said:
            assert time.monotonic() < deadline, f"{text!r} was not said in {self.said!r}"
            if not select.select([self.end], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.end, 65_536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                assert text is None, f"{text!r} was not said in {self.said!r}"
                break
            self.said += data.decode()
        return self.said

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def code(self) -> int:
        self.until(None)
        return self.process.wait(10)


@contextlib.contextmanager
def terminal(url: str, *words: str, width: int = 80, **environment: str) -> Iterator[Terminal]:
    one = Terminal(url, *words, width=width, **environment)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        os.close(one.end)


@pytest.fixture
def waiting(service: Service) -> str:
    """An execution that stays where it is: nobody works here."""
    assert service.api.post("definitions", EXAMPLE).status == 201
    return service.api.start(input={"foo": "b" * 200})


def test_colour_is_for_terminals_that_want_it(service: Service, waiting: str) -> None:
    words = ("executions", "history", waiting)
    with terminal(service.cli.url, *words) as coloured:
        assert coloured.code() == 0
        assert "\x1b[32mStepSucceeded" in coloured.said
    with terminal(service.cli.url, *words, NO_COLOR="1") as plain:
        assert plain.code() == 0
        assert "\x1b[3" not in plain.said
    assert "\x1b" not in service.cli(*words).stdout


def test_lines_are_cut_to_the_terminal_and_nowhere_else(service: Service, waiting: str) -> None:
    service.api.post(f"executions/{waiting}/cancel", {"cause": "c" * 300})
    words = ("executions", "history", waiting)
    with terminal(service.cli.url, *words, width=60, NO_COLOR="1") as narrow:
        narrow.code()
        lines = narrow.said.split("\r\n")
    assert max(len(line) for line in lines) == 60
    assert any(line.endswith("…") for line in lines)
    assert "c" * 300 in service.cli(*words).stdout


def test_ids_in_lists_are_whole_also_on_a_narrow_terminal(service: Service, waiting: str) -> None:
    with terminal(service.cli.url, "executions", "list", width=20) as narrow:
        narrow.code()
    assert waiting in narrow.said.replace("\r\n", "")


def test_tasks_on_a_narrow_terminal_keep_their_token_in_one_piece() -> None:
    inbox = Inbox()
    inbox.task |= {"title": "Approve the order of a friend", "dueAt": "2026-11-03T10:00:59.999Z", "claimedBy": "ada"}
    with serving(inbox) as url:
        with terminal(url, "tasks", "list", NO_COLOR="1") as narrow:
            assert narrow.code() == 0
        with terminal(url, "tasks", "list", width=200, NO_COLOR="1") as wide:
            assert wide.code() == 0
    assert re.sub(r"\x1b\[\d*m", "", narrow.said).split("\r\n")[:-1] == [
        "TITLE                     STEP     OPENED             DUE                CLAIMED",
        "Approve the order of a …  approve  2026-11-02 10:00Z  2026-11-03 10:00Z  ada",
        f"  {TOKEN}",
    ]
    assert wide.said.split("\r\n")[1].endswith(f"  ada      {TOKEN}")
    assert "Approve the order of a friend" in wide.said


def test_the_live_picture_follows_to_the_end(service: Service, waiting: str) -> None:
    with terminal(service.cli.url, "executions", "graph", waiting, width=90) as live:
        live.until("wait-some-time")
        assert live.process.poll() is None
        service.api.post(f"executions/{waiting}/cancel", {"cause": "seen enough"})
        assert live.code() == 0
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", live.said).split("ExecutionCancelled")[-2]
    assert re.search(r"✓ initial-echo +echo +succeeded +1 +1", last)
    assert re.search(r"■ wait-some-time +wait +stopped +1 +1", last)
    assert "seen enough" in live.said


def test_ctrl_c_ends_the_following_only(service: Service, waiting: str) -> None:
    with terminal(service.cli.url, "executions", "history", waiting, "--follow") as following:
        following.until("wait-some-time")
        following.process.send_signal(signal.SIGINT)
        assert following.code() == 130
    assert "the execution goes on" in following.said
    assert "Traceback" not in following.said
    assert service.cli.json("executions", "get", waiting)["state"] == "StepStarted"


def test_questions_are_asked_on_a_terminal() -> None:
    inbox = Inbox()
    with serving(inbox) as url, terminal(url, "tasks", "answer", TOKEN) as person:
        for question, line in (("approved", "yes"), ("grade (", "a"), ("comment (", ""), ("amount (", "")):
            person.until(question)
            person.type(line + "\n")
        assert person.code() == 0
    assert inbox.sent == [("complete", {"approved": True, "grade": "a", "amount": 5})]


def test_ctrl_c_at_a_question_sends_nothing() -> None:
    inbox = Inbox()
    with serving(inbox) as url, terminal(url, "tasks", "answer", TOKEN) as person:
        person.until("approved (")
        time.sleep(0.2)
        person.process.send_signal(signal.SIGINT)
        assert person.code() == 1
    assert "Traceback" not in person.said
    assert inbox.sent == []


def test_a_reader_who_leaves_is_no_traceback(service: Service) -> None:
    for i in range(400):
        service.api.store.put_definition("123", f"d{i:063}", {"id": "d", "steps": []}, 0)
    environment = os.environ | {"SEDO_URL": service.cli.url, "SEDO_TENANT": "123"}
    process = subprocess.Popen(
        [*COMMAND, "definitions", "list", "--limit", "400", "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.close()
    said = process.stderr.read().decode() if process.stderr else ""
    process.wait(30)
    if process.stderr:
        process.stderr.close()
    assert "Traceback" not in said
    assert said == ""


def test_json_is_plain_on_a_terminal_too(service: Service, waiting: str) -> None:
    with terminal(service.cli.url, "executions", "get", waiting, "--json", width=40) as shown:
        shown.code()
    assert json.loads(shown.said)["id"] == waiting

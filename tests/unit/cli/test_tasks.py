"""`sedo tasks` against a server that speaks the shape of the tasks' routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.unit.cli.serving import TENANT, Asked, Cli, Said, problem, serving

TOKEN = "123:order:f5c1.7.1.mac+/="
SCHEMA = {
    "type": "object",
    "required": ["approved"],
    "properties": {
        "approved": {"type": "boolean", "title": "Approve it?"},
        "grade": {"enum": ["a", "b"]},
        "comment": {"type": "string", "maxLength": 10},
        "amount": {"type": "integer", "minimum": 1, "default": 5},
    },
}
TASK = {
    "token": TOKEN,
    "executionId": "123:order:f5c1",
    "step": "approve",
    "title": "Approve order 7",
    "description": "It is a large one.",
    "openedAt": "2026-11-02T10:00:00.000Z",
    "inputSchema": SCHEMA,
    "uiSchema": {},
    "input": {"order": 7},
}


@dataclass
class Inbox:
    """One open task, as the API would keep it."""

    task: dict[str, Any] = field(default_factory=lambda: dict(TASK))
    sent: list[tuple[str, Any]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    refusal: Said | None = None

    def __call__(self, asked: Asked) -> Said:
        url = urlsplit(asked.path)
        path = url.path.removeprefix(f"{TENANT}/tasks").strip("/").split("/")
        if asked.method == "GET" and path == [""]:
            shown = parse_qs(url.query).get("role", ["manager"]) == ["manager"]
            names = ("token", "executionId", "step", "title", "openedAt", "dueAt", "claimedBy")
            listed = {name: self.task[name] for name in names if name in self.task}
            return Said(200, [listed] if shown else [])
        if unquote(path[0]) != TOKEN:
            return problem(404, "not found", "no such task")
        if asked.method == "GET":
            return Said(200, self.task)
        if path[1] == "complete" and self.sent and self.sent[-1][0] == "complete":
            return problem(409, "task was answered", "the task was answered otherwise at 10:05")
        if self.refusal is not None:
            return self.refusal
        self.contents.append(asked.content)
        self.sent.append((path[1], asked.json if asked.content else None))
        return Said(204)


@dataclass
class Served:
    inbox: Inbox
    cli: Cli


@pytest.fixture
def served() -> Iterator[Served]:
    inbox = Inbox()
    with serving(inbox) as url:
        yield Served(inbox, Cli(url))


def test_list(served: Served) -> None:
    lines = served.cli("tasks", "list").stdout.splitlines()
    assert lines[0].split() == ["TITLE", "STEP", "OPENED", "DUE", "CLAIMED", "TOKEN"]
    assert lines[1].startswith("Approve order 7  approve  2026-11-02T10:00:00.000Z")
    assert lines[1].endswith(TOKEN)
    assert served.cli.json("tasks", "list", "--role", "manager")[0]["token"] == TOKEN
    assert served.cli.json("tasks", "list", "--role", "clerk") == []


def test_list_says_who_is_at_it(served: Served) -> None:
    served.inbox.task["claimedBy"] = "ada"
    line = served.cli("tasks", "list").stdout.splitlines()[1]
    assert line.split()[-2:] == ["ada", TOKEN]


def test_show(served: Served) -> None:
    shown = served.cli("tasks", "show", TOKEN).stdout
    for text in ("Approve order 7", "It is a large one.", '{"order": 7}', "approved, grade, comment, amount"):
        assert text in shown
    assert served.cli.json("tasks", "show", TOKEN) == TASK
    assert served.cli("tasks", "show", "other").stderr == "sedo: not found: no such task\n"


@pytest.mark.parametrize(("word", "state"), [("claim", "claimed"), ("release", "released")])
def test_claim_and_release(served: Served, word: str, state: str) -> None:
    assert served.cli.json("tasks", word, TOKEN) == {"token": TOKEN, "state": state}
    assert served.inbox.sent == [(word, None)]


def test_fail(served: Served) -> None:
    assert served.cli("tasks", "fail", TOKEN).exit_code == 2
    assert served.cli("tasks", "fail", TOKEN, "--error", "Order.Odd", "--cause", "looks wrong").exit_code == 0
    assert served.inbox.sent == [("fail", {"error": "Order.Odd", "cause": "looks wrong"})]


def test_answer_asks_field_by_field(served: Served) -> None:
    lines = ["", "perhaps", "yes", "c", "2", "far too long a comment", "fine", "0", "7"]
    done = served.cli("tasks", "answer", TOKEN, given="\n".join(lines) + "\n")
    assert done.exit_code == 0, done.stderr
    assert served.inbox.sent == [("complete", {"approved": True, "grade": "b", "comment": "fine", "amount": 7})]
    assert done.stdout == ""
    for text in (
        "Approve it?",
        "approved (yes/no): ",
        "A value is needed here",
        "Expected yes/no.",
        "grade (1 to 2, may be left out): ",
        "Expected a number from 1 to 2",
        "comment: expected at most 10 characters, found 'far too long a comment'",
        "amount (whole number, may be left out) [5]: ",
        "amount: expected at least 1, found 0",
        "the task is answered",
    ):
        assert text in done.stderr


def test_answer_leaves_out_and_takes_defaults(served: Served) -> None:
    assert served.cli("tasks", "answer", TOKEN, given="n\n\n\n\n").exit_code == 0
    assert served.inbox.sent == [("complete", {"approved": False, "amount": 5})]


def test_answers_that_end_too_soon_send_nothing(served: Served) -> None:
    done = served.cli("tasks", "answer", TOKEN, given="yes\n")
    assert done.exit_code == 2
    assert done.stderr.endswith("sedo: standard input ended where this was asked: grade (1 to 2, may be left out)\n")
    assert served.inbox.sent == []


def test_answer_with_input_asks_nothing(served: Served) -> None:
    done = served.cli("tasks", "answer", TOKEN, "--input", '{"approved": true}', "--json")
    assert json.loads(done.stdout) == {"token": TOKEN, "state": "completed"}
    again = served.cli("tasks", "answer", TOKEN, "--input", '{"approved": false}')
    assert (again.exit_code, again.stderr) == (1, "sedo: the task was answered otherwise at 10:05\n")


def test_answer_that_does_not_fit_is_told_field_by_field(served: Served) -> None:
    served.inbox.refusal = problem(400, "input does not pass inputSchema validation", "0 is less than\n\n  a page")
    done = served.cli("tasks", "answer", TOKEN, "--input", '{"amount": 0, "grade": "c", "aproved": true}')
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        [
            "sedo: input does not pass inputSchema validation",
            "  /approved: field 'approved' is missing",
            "  /grade: expected a or b, found 'c'",
            "  /amount: expected at least 1, found 0",
        ],
    )


def test_null_is_an_answer_too(served: Served) -> None:
    assert served.cli("tasks", "answer", TOKEN, "--input", "null").exit_code == 0
    served.inbox.sent.clear()
    served.inbox.task["inputSchema"] = {"type": "null"}
    assert served.cli("tasks", "answer", TOKEN, given="null\n").exit_code == 0
    assert served.inbox.contents == [b"null", b"null"]


def test_a_schema_without_an_end_is_a_sentence(served: Served) -> None:
    served.inbox.task["inputSchema"] = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}
    done = served.cli("tasks", "answer", TOKEN, given="")
    assert done.exit_code == 1
    assert "answer with --input" in done.stderr

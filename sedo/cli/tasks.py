"""`sedo tasks`: what waits for a person, and answering it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.text import Text

from sedo.cli.ask import Questions
from sedo.cli.definitions import LIMIT
from sedo.cli.errors import BadInput, Refused
from sedo.cli.files import read_value
from sedo.cli.misfits import explaining
from sedo.cli.options import Options, shared
from sedo.cli.output import console, minute, note, one_line, print_json, print_table

COLUMNS = ("TITLE", "STEP", "OPENED", "DUE", "CLAIMED")


@click.group()
@shared
def tasks() -> None:
    """Look at tasks that wait for somebody, and answer them."""


@tasks.command(name="list")
@click.option("--role", help="Only what this role may do.")
@LIMIT
@shared
@click.pass_obj
def list_(options: Options, role: str | None, limit: int) -> None:
    """List open tasks."""
    found = list(options.client().pages("tasks", limit=limit, role=role))
    if options.as_json:
        print_json(found)
        return
    names = ("title", "step", "openedAt", "dueAt", "claimedBy", "token")
    print_table([*COLUMNS, "TOKEN"], [[item.get(name) for name in names] for item in found], below=_short)


def _short(row: Sequence[Any]) -> list[str]:
    """Return a row for a narrow terminal: times to the minute; what is cut is the title."""
    title, step, opened, due, claimed = (one_line(cell) for cell in row)
    return [title, step, minute(opened), minute(due), claimed]


@tasks.command()
@click.argument("task", metavar="TOKEN")
@shared
@click.pass_obj
def show(options: Options, task: str) -> None:
    """Show a task and what it asks for."""
    found = options.client().get("tasks", task)
    if options.as_json:
        print_json(found)
    else:
        _show(found)


def _show(task: Mapping[str, Any], *, err: bool = False) -> None:
    schema = task.get("inputSchema")
    fields = schema.get("properties") if isinstance(schema, dict) else None
    rows = [
        ("title", task.get("title")),
        ("", task.get("description")),
        ("execution", task.get("executionId")),
        ("step", task.get("step")),
        ("opened", task.get("openedAt")),
        ("due", task.get("dueAt")),
        ("claimed by", task.get("claimedBy")),
        ("input", task.get("input")),
        ("asks for", ", ".join(fields) if isinstance(fields, dict) else schema),
    ]
    for name, value in rows:
        if value is not None:
            text = Text(f"{name:<12}", style="bold")
            text.append(one_line(value))
            console(err=err).print(text)


@tasks.command()
@click.argument("task", metavar="TOKEN")
@shared
@click.pass_obj
def claim(options: Options, task: str) -> None:
    """Take a task, so that others see that somebody is at it."""
    options.client().post("tasks", task, "claim")
    _done(options, task, "claimed", "the task is yours")


@tasks.command()
@click.argument("task", metavar="TOKEN")
@shared
@click.pass_obj
def release(options: Options, task: str) -> None:
    """Give a claimed task back."""
    options.client().post("tasks", task, "release")
    _done(options, task, "released", "the task is free again")


@tasks.command()
@click.argument("task", metavar="TOKEN")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The answer; without it each field is asked for.")
@shared
@click.pass_obj
def answer(options: Options, task: str, given: str | None) -> None:
    """Answer a task: field by field as its schema says, or all at once with --input."""
    client = options.client()
    value = _asked(client.get("tasks", task)) if given is None else read_value(given)
    with explaining(value, lambda: client.get("tasks", task).get("inputSchema", True)):
        client.post("tasks", task, "complete", body=value)
    _done(options, task, "completed", "the task is answered")


@tasks.command()
@click.argument("task", metavar="TOKEN")
@click.option("--error", required=True, help="The error's name, as catch and retry know it.")
@click.option("--cause", help="Why, in a sentence.")
@shared
@click.pass_obj
def fail(options: Options, task: str, error: str, cause: str | None) -> None:
    """Let a task fail with an error that the definition may catch."""
    body = {"error": error} if cause is None else {"error": error, "cause": cause}
    options.client().post("tasks", task, "fail", body=body)
    _done(options, task, "failed", "the task has failed, as you said")


def _asked(task: Mapping[str, Any]) -> Any:
    """Ask on standard error, so that standard output stays for results."""
    _show(task, err=True)
    questions = Questions(task.get("inputSchema", {}), _read, note)
    try:
        return questions.answer()
    except RecursionError:
        raise Refused("the task's schema has no end to ask to: answer with --input") from None


def _read(prompt: str) -> str:
    try:
        line: str = click.prompt(prompt, default="", show_default=False, prompt_suffix="", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise BadInput(f"standard input ended where this was asked: {prompt.removesuffix(': ')}") from None
    return line


def _done(options: Options, task: str, state: str, sentence: str) -> None:
    if options.as_json:
        print_json({"token": task, "state": state})
    else:
        note(sentence)

"""`--follow`: the history of an execution as lines while it happens, then its output or error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from sedo.cli.errors import EXIT_INTERRUPTED, Refused
from sedo.cli.options import Options
from sedo.cli.output import STYLES, note, one_line, print_json, say
from sedo.cli.watch import looks

TELLING = ("message", "output", "cause", "name")
TELLING_OF = {
    "TaskOpened": ("title", "roles"),
    "TaskClaimed": ("actor",),
    "TaskReleased": ("actor",),
    "TaskAnswered": ("actor",),
    "SignalReceived": ("name", "payload"),
    "ChildStarted": ("executionId",),
    "ChildEnded": ("executionId", "state"),
}


def follow(options: Options, execution_id: str) -> None:
    """Show steps on standard error and the output on standard output. Raises Refused for any end but success."""
    first_at: str | None = None
    execution: Mapping[str, Any] = {}
    with interruptible(execution_id):
        for found, events in looks(options, execution_id):
            execution = found
            for event in events:
                first_at = first_at or event["at"]
                say(line(event, first_at), err=True)
    show_end(options, execution)


@contextlib.contextmanager
def interruptible(execution_id: str) -> Iterator[None]:
    """Ctrl-C ends the looking on, and says that the execution does not end with it."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"\nno longer following; the execution goes on. See: sedo executions history {execution_id} --follow")
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


def line(event: Mapping[str, Any], first_at: str) -> Text:
    """Return like `   45.012 s  StepSucceeded     wait-some-time  {"foo": "bar"}`."""
    step = str(event.get("step", ""))
    if event.get("attempt", 1) > 1:
        step += f" (attempt {event['attempt']})"
    kind = str(event["type"])
    text = Text(f"{seconds_between(first_at, event['at']):9.3f} s  ")
    text.append(f"{one_line(kind):<20}", style=STYLES.get(kind, ""))
    text.append(f"  {one_line(step):<24}  {detail(event)}")
    return text


def detail(event: Mapping[str, Any]) -> str:
    """Return what a person looking on wants to know of an event."""
    error = event.get("error")
    if isinstance(error, dict):
        again = f", again in {event['delaySeconds']:g} s" if "delaySeconds" in event else ""
        return one_line(f"{error.get('name')}: {error.get('cause')}{again}")
    if event["type"] in TELLING_OF:
        return "  ".join(one_line(event[key]) for key in TELLING_OF[event["type"]] if event.get(key) is not None)
    return next((one_line(event[key]) for key in TELLING if event.get(key) is not None), "")


def seconds_between(first: str, second: str) -> float:
    """Return the seconds between two times as the API writes them."""
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def show_end(options: Options, execution: Mapping[str, Any]) -> None:
    """Print the output (all of the execution with `--json`). Raises Refused for any end but success."""
    succeeded = execution["state"] == "ExecutionSucceeded"
    if options.as_json:
        print_json(execution)
    elif succeeded:
        print_json(execution.get("output"))
    if not succeeded:
        raise Refused(end_in_words(execution), execution.get("error") or {"title": execution["state"]})


def end_in_words(execution: Mapping[str, Any]) -> str:
    """Return like `ExecutionFailed at charge: Http.402: card declined`."""
    error = execution.get("error") or {}
    step = error.get("step") or execution.get("step")
    parts = [execution["state"] + (f" at {step}" if step else ""), error.get("name"), error.get("cause")]
    return ": ".join(str(part) for part in parts if part)

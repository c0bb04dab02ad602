"""`--run`: posts a definition, executes it, shows its steps as they happen, prints its output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sandbox import client
from sandbox.bootstrap import say
from sandbox.options import EXIT_OTHER_END, EXIT_SUCCEEDED, Options

TERMINAL = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionCancelled")
POLL_SECONDS = (0.05, 0.1, 0.2, 0.4)
PATIENCE_SECONDS = 15.0
SHOWN_CHARACTERS = 100
MEDIA_TYPES = {".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml"}


class BadInput(Exception):
    """The file or the input cannot be used as given."""


def read_definition(path: Path) -> tuple[bytes, str]:
    """The file's bytes and their media type: how to read them is the API's business."""
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise BadInput(f"{path}: expected a name that ends in .json, .yaml or .yml")
    return read(path), media_type


def read_input(given: str | None) -> Any:
    """JSON itself, @FILE, or - for standard input."""
    if given is None:
        return {}
    source, text = "--input", given.encode()
    if given == "-":
        source, text = "standard input", sys.stdin.buffer.read()
    elif given.startswith("@"):
        source, text = given[1:], read(Path(given[1:]))
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise BadInput(f"{source} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError as error:
        raise BadInput(f"{source} is not JSON: {error}") from None


def refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity; JSON has neither."""
    raise ValueError(f"{name} is no JSON value")


def read(path: Path) -> bytes:
    """A file's bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def run(options: Options, definition: tuple[bytes, str], given: Any, api_url: str, check: Callable[[], None]) -> int:
    """The exit code. `check` raises when a signal came or a part of the sandbox died."""
    tenant_url = f"{api_url}/sedo/tenants/{quote(options.tenant, safe='')}"
    posted, _ = client.request(f"{tenant_url}/definitions", *definition)
    name = quote(posted["id"], safe="")
    body = json.dumps({"input": given}).encode()
    started, _ = client.request(f"{tenant_url}/definitions/{name}/execute", body)
    say(f"{started['id']} started")
    url = f"{tenant_url}/executions/{quote(started['id'], safe='')}"
    execution = follow(url, check)
    return show_end(execution)


def follow(url: str, check: Callable[[], None]) -> Mapping[str, Any]:
    """Shows events until the execution has ended; returns it as it ended."""
    page, seen, first_at, pause = f"{url}/history?limit=500", 0, None, 0
    while True:
        check()
        # In this order: a history that is read after an end is complete.
        execution, _ = patiently(url, check)
        before = seen
        for at_page, event in events_from(page, check):
            page = at_page  # the last one is where to go on
            if event["seq"] > seen:
                seen = event["seq"]
                first_at = first_at or event["at"]
                say(line(event, seconds_between(first_at, event["at"])))
        if execution["state"] in TERMINAL:
            return dict(execution)
        pause = 0 if seen > before else min(pause + 1, len(POLL_SECONDS) - 1)
        time.sleep(POLL_SECONDS[pause])


def events_from(page: str, check: Callable[[], None]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All events from a page on, each with the address of its page."""
    following: str | None = page
    while following:
        page = following
        events, following = patiently(page, check)
        for event in events:
            yield page, event


def patiently(url: str, check: Callable[[], None]) -> tuple[Any, str | None]:
    """A reload of the code or a slow moment of the emulator does not end a run."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return client.request(url)
        except client.Unreachable:
            check()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def line(event: Mapping[str, Any], seconds: float) -> str:
    """Like `  45.012 s  StepSucceeded     wait-some-time`, and what the event brought."""
    step = str(event.get("step", ""))
    if event.get("attempt", 1) > 1:
        step += f" (attempt {event['attempt']})"
    return f"{seconds:9.3f} s  {event['type']:<20}  {step:<24}{brought(event)}".rstrip()


def brought(event: Mapping[str, Any]) -> str:
    """The one detail of an event that a person following along wants."""
    for key in ("error", "message", "output", "cause"):
        if event.get(key) is not None:
            value = event[key]
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            return f"  {text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + '…'}"
    return ""


def seconds_between(first: str, second: str) -> float:
    """Of two times as the API writes them."""
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def show_end(execution: Mapping[str, Any]) -> int:
    """The output alone goes to standard output."""
    state = execution["state"]
    if state == "ExecutionSucceeded":
        print(json.dumps(execution.get("output"), indent=2, ensure_ascii=False))
        return EXIT_SUCCEEDED
    error = execution.get("error")
    say(f"{state}: {json.dumps(error, indent=2, ensure_ascii=False)}" if error is not None else state)
    return EXIT_OTHER_END

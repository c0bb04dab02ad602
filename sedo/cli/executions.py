"""`sedo executions`: list, get, history, cancel, redrive, signal, graph."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import click
from rich.text import Text

from sedo.cli.definitions import LIMIT
from sedo.cli.files import read_value
from sedo.cli.follow import follow, line, seconds_between
from sedo.cli.graph import execution_graph
from sedo.cli.options import Options, shared
from sedo.cli.output import STYLES, console, duration, note, one_line, print_json, print_table, say
from sedo.testing.schema import STATES

SHORT = {"submitted": "ExecutionSubmitted", "started": "StepStarted"} | STATES
"""The short names of states, the ones of test files among them."""


@click.group()
@shared
def executions() -> None:
    """Look at executions, and act on them."""


executions.add_command(execution_graph)


@executions.command(name="list")
@click.option(
    "--state", multiple=True, metavar="STATE", help=f"One of {', '.join(SHORT)}, or a long name; may be repeated."
)
@click.option("--definition", help="Only of this definition.")
@LIMIT
@shared
@click.pass_obj
def list_(options: Options, state: tuple[str, ...], definition: str | None, limit: int) -> None:
    """List executions, newest first."""
    pages = options.client().pages(
        "executions", limit=limit, state=[SHORT.get(name, name) for name in state], definition=definition
    )
    found = list(pages)
    if options.as_json:
        print_json(found)
    else:
        print_table(["ID", "STATE", "STEP"], [[item["id"], item["state"], item.get("step")] for item in found])


@executions.command()
@click.argument("execution")
@shared
@click.pass_obj
def get(options: Options, execution: str) -> None:
    """Show all about an execution."""
    found = options.client().get("executions", execution)
    if options.as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    rows = [
        ("id", found["id"]),
        ("state", found["state"]),
        ("step", found.get("step")),
        ("definition", f"{found['definitionId']}, version {found['version']}"),
        ("name", found.get("name")),
        ("parent", found.get("parent")),
        ("started", found["startedAt"]),
        ("ended", found.get("endedAt")),
        ("took", duration(seconds_between(found["startedAt"], found["endedAt"])) if found.get("endedAt") else None),
        ("cost", _cost(found.get("cost"))),
        ("input", found.get("input")),
        ("stash", found.get("stash") or None),
        ("output", found.get("output")),
        ("error", found.get("error")),
    ]
    for name, value in rows:
        if value is not None:
            text = Text(f"{name:<12}", style="bold")
            text.append(one_line(value), style=STYLES.get(str(value), ""))
            console().print(text)


def _cost(cost: Any) -> str | None:
    if not isinstance(cost, dict) or "total" not in cost:
        return None
    return f"about {cost['total']:.8f} {cost.get('currency', '')}".rstrip()


@executions.command()
@click.argument("execution")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many events.")
@click.option("--follow", "-f", "following", is_flag=True, help="Go on until the end, then print the output.")
@shared
@click.pass_obj
def history(options: Options, execution: str, limit: int, following: bool) -> None:
    """Show what happened in an execution, oldest first."""
    if following:
        follow(options, execution)
        return
    events = list(options.client().pages("executions", execution, "history", limit=limit + 1))
    shown = list(islice(events, limit))
    if options.as_json:
        print_json(shown)
    else:
        for event in shown:
            say(line(event, shown[0]["at"]))
    if len(events) > limit:
        note(f"there is more: --limit {limit} was reached")


@executions.command()
@click.argument("execution")
@click.option("--cause", help="Why, for the history.")
@shared
@click.pass_obj
def cancel(options: Options, execution: str, cause: str | None) -> None:
    """End an execution as cancelled."""
    body = {} if cause is None else {"cause": cause}
    _show_state(options, options.client().post("executions", execution, "cancel", body=body))


class _Version(click.ParamType[int | str]):
    """A number from 1, or the word `latest`."""

    name = "N|latest"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number or the word. Raises BadParameter."""
        if value != "latest" and not (str(value).isdecimal() and int(value) >= 1):
            self.fail(f"expected a number from 1 or 'latest', found {value!r}", param, ctx)
        return "latest" if value == "latest" else int(value)


@executions.command()
@click.argument("execution")
@click.option("--version", type=_Version(), metavar="N|latest", help="Of the definition from here on.")
@click.option("--follow", "-f", "following", is_flag=True, help="Then show its steps as they happen.")
@shared
@click.pass_obj
def redrive(options: Options, execution: str, version: int | str | None, following: bool) -> None:
    """Let an execution that did not succeed go on from where it stopped."""
    body = {} if version is None else {"version": version}
    found = options.client().post("executions", execution, "redrive", body=body)
    if following:
        follow(options, execution)
    else:
        _show_state(options, found)


@executions.command()
@click.argument("execution")
@click.argument("name")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The signal's payload; {} if not given.")
@shared
@click.pass_obj
def signal(options: Options, execution: str, name: str, given: str | None) -> None:
    """Send the signal NAME to an execution."""
    payload = {} if given is None else read_value(given)
    options.client().post("executions", execution, "signals", name, body=payload)
    if options.as_json:
        print_json({"id": execution, "signal": name})
    else:
        note(f"{name} was sent to {execution}")


def _show_state(options: Options, found: Mapping[str, Any]) -> None:
    if options.as_json:
        print_json(found)
    else:
        print_table(["ID", "STATE"], [[found["id"], found["state"]]])

"""`sedo graph` and `sedo executions graph`: a definition as Mermaid, an execution as Mermaid or as a live picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.live import Live

from sedo.cli import files, mermaid, outline
from sedo.cli.definitions import FILE
from sedo.cli.follow import interruptible
from sedo.cli.live import picture
from sedo.cli.options import Options, offline, shared
from sedo.cli.output import console, print_json
from sedo.cli.progress import Progress
from sedo.cli.watch import Watch, looks


@click.command()
@click.argument("file", type=FILE)
@offline
@click.pass_obj
def graph(options: Options, file: Path) -> None:
    """Draw the definition in FILE as a Mermaid flowchart."""
    source = files.read_definition(file)
    drawn = mermaid.draw(outline.top(source.value, source.name))
    if options.as_json:
        print_json({"mermaid": drawn})
    else:
        click.echo(drawn, nl=False)


@click.command(name="graph")
@click.argument("execution")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Mermaid, also on a terminal.")
@click.option("--once", is_flag=True, help="The picture of now, without following.")
@shared
@click.pass_obj
def execution_graph(options: Options, execution: str, as_mermaid: bool, once: bool) -> None:
    """Draw an execution: on a terminal each step's state, live until it ends; elsewhere as Mermaid."""
    client = options.client()
    if console().is_terminal and not (as_mermaid or once or options.as_json):
        with interruptible(execution):
            _live(options, execution)
        return
    found, events = Watch(client, execution).look()
    steps, progress = _steps(options, found), Progress()
    progress.add(events)
    rows = progress.rows(outline.walk(steps), options.now())
    if options.as_json:
        print_json({"id": found["id"], "state": found["state"], "steps": rows})
    elif once and not as_mermaid:
        console().print(picture(found, rows))
    else:
        click.echo(mermaid.draw(steps, {row["step"]: row["state"] for row in rows if row["state"]}), nl=False)


def _live(options: Options, execution: str) -> None:
    progress, steps = Progress(), None
    with Live(console=console(), refresh_per_second=4, vertical_overflow="crop") as live:
        for found, events in looks(options, execution):
            steps = steps or _steps(options, found)
            progress.add(events)
            live.update(picture(found, progress.rows(outline.walk(steps), options.now())))


def _steps(options: Options, execution: Mapping[str, Any]) -> Sequence[outline.Step]:
    """Return the steps of the very version that the execution runs."""
    definition, version = execution["definitionId"], execution["version"]
    stored = options.client().get("definitions", definition, version=version)
    return outline.top(stored["definition"], f"{definition}, version {version}")

"""`sedo execute`: start an execution, and follow it if asked to."""

from __future__ import annotations

from typing import Any

import click

from sedo.cli.files import read_value
from sedo.cli.follow import follow
from sedo.cli.misfits import explaining
from sedo.cli.options import Options, shared
from sedo.cli.output import note, print_json


@click.command()
@click.argument("definition")
@click.option("--input", "given", metavar="JSON|@FILE|-", help="The input; {} if not given, - reads standard input.")
@click.option("--name", help="A name makes the start idempotent: the same name and input start once.")
@click.option("--version", type=click.IntRange(min=1), help="Which version of the definition; the latest if not given.")
@click.option("--follow", "-f", "following", is_flag=True, help="Show steps as they happen, then the output.")
@shared
@click.pass_obj
def execute(
    options: Options, definition: str, given: str | None, name: str | None, version: int | None, following: bool
) -> None:
    """Start an execution of DEFINITION and print its id.

    With --follow its steps are shown on standard error until it has ended, its output is printed, and any end but
    success is exit code 1. Ctrl-C ends the following, not the execution.
    """
    body: dict[str, Any] = {"input": {} if given is None else read_value(given)}
    body.update({key: value for key, value in (("name", name), ("version", version)) if value is not None})
    client = options.client()
    with explaining(body["input"], lambda: _input_schema(client.get("definitions", definition, version=version))):
        started = client.post("definitions", definition, "execute", body=body)
    if following:
        note(f"{started['id']} started")
        follow(options, started["id"])
    elif options.as_json:
        print_json(started)
    else:
        click.echo(started["id"])


def _input_schema(stored: Any) -> Any:
    return stored["definition"].get("inputSchema", True)

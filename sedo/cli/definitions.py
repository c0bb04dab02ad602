"""`sedo definitions`: put, list, get, versions, diff, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sedo.cli import changes, files, problems
from sedo.cli.client import Client
from sedo.cli.errors import BadInput, Failure, Refused
from sedo.cli.options import Options, shared
from sedo.cli.output import console, note, print_json, print_table

FILE = click.Path(path_type=Path, dir_okay=False)
LIMIT = click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")


@click.group()
@shared
def definitions() -> None:
    """Store definitions and look at them."""


@definitions.command()
@click.argument("file", type=FILE)
@shared
@click.pass_obj
def put(options: Options, file: Path) -> None:
    """Store FILE (YAML or JSON) as the next version of its definition, and print its id.

    What posting refuses is said with its place. What `sedo lint` would warn of is not looked at.
    """
    source = files.read_definition(file)
    client = options.client()
    try:
        answer, _ = client.send("POST", client.address("definitions"), source.content, source.media_type)
    except Refused as refused:
        raise _located(refused, source) from None
    if options.as_json:
        print_json(answer)
    else:
        click.echo(answer["id"])
        note(_stored_as(client, answer["id"]))


def _stored_as(client: Client, definition: str) -> str:
    try:
        return f"stored as version {client.get('definitions', definition)['version']}"
    except Failure as failure:
        return f"stored, and which version it is could not be asked: {failure.message}"


def _located(refused: Refused, source: files.Source) -> Refused:
    """Say where in the file each problem is, also where the service did not."""
    if refused.document is None:
        return refused
    document = dict(refused.document)
    errors = [dict(error) for error in document.get("errors") or [] if isinstance(error, dict)]
    for error in errors:
        place = source.place(str(error.get("path", "")))
        if "line" not in error and place is not None:
            error["line"], error["column"] = place
    if errors:
        document["errors"] = errors
    return Refused(problems.sentences(document, source.name), document)


@definitions.command(name="list")
@LIMIT
@shared
@click.pass_obj
def list_(options: Options, limit: int) -> None:
    """List definitions by id."""
    found = list(options.client().pages("definitions", limit=limit))
    if options.as_json:
        print_json(found)
    else:
        print_table(["ID"], [[item["id"]] for item in found])


@definitions.command()
@click.argument("definition")
@click.option("--version", type=click.IntRange(min=1), help="Which version; the latest if not given.")
@shared
@click.pass_obj
def get(options: Options, definition: str, version: int | None) -> None:
    """Print a definition as YAML."""
    found = options.client().get("definitions", definition, version=version)
    if options.as_json:
        print_json(found)
    else:
        click.echo(f"# version {found['version']}, {found['createdAt']}")
        click.echo(files.to_yaml(found["definition"]), nl=False)


@definitions.command()
@click.argument("definition")
@LIMIT
@shared
@click.pass_obj
def versions(options: Options, definition: str, limit: int) -> None:
    """List the versions of a definition, newest first."""
    found = list(options.client().pages("definitions", definition, "versions", limit=limit))
    if options.as_json:
        print_json(found)
    else:
        print_table(["VERSION", "CREATED"], [[item["version"], item["createdAt"]] for item in found])


@definitions.command()
@click.argument("definition")
@click.option(
    "--from", "before", type=click.IntRange(min=1), help="The older version; the one before --to if not given."
)
@click.option("--to", "after", type=click.IntRange(min=1), help="The newer version; the latest if not given.")
@click.option("--file", type=FILE, help="Compare with this file instead of a newer version.")
@shared
@click.pass_obj
def diff(options: Options, definition: str, before: int | None, after: int | None, file: Path | None) -> None:
    """Show what changed from one version to another, or would change with a file.

    Moving a step is no change for --json, which lists changes by path.
    """
    if file is not None and after is not None:
        raise BadInput("--to and --file do not go together: the file is what is compared with")
    old, new = _compared(options, definition, before, after, file)
    if options.as_json:
        print_json(list(changes.changes(old[1], new[1])))
        return
    shown = list(changes.lines(old[1], new[1], (old[0], new[0])))
    if not shown:
        note(f"{old[0]} and {new[0]} are the same")
    for line in shown:
        console().print(line)


Named = tuple[str, Any]


def _compared(
    options: Options, definition: str, before: int | None, after: int | None, file: Path | None
) -> tuple[Named, Named]:
    """Return both documents, each with its name."""
    client = options.client()

    def version(number: int | None) -> tuple[int, Named]:
        found = client.get("definitions", definition, version=number)
        return found["version"], (f"{definition} version {found['version']}", found["definition"])

    if file is not None:
        return version(before)[1], (str(file), files.read_definition(file).value)
    number, newer = version(after)
    older = before or number - 1
    if older < 1:
        raise BadInput(f"{definition} has one version: there is nothing to compare it with (see --file)")
    return version(older)[1], newer


@definitions.command()
@click.argument("definition")
@shared
@click.pass_obj
def delete(options: Options, definition: str) -> None:
    """Delete a definition. Running executions go on."""
    client = options.client()
    client.send("DELETE", client.address("definitions", definition))
    if options.as_json:
        print_json({"id": definition, "deleted": True})
    else:
        note(f"{definition} is deleted; what runs goes on")

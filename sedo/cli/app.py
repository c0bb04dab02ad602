"""The root of the command. A word's module is imported when the word is used, so that each starts quickly."""

from __future__ import annotations

import contextlib
import io
import sys
from importlib import import_module, metadata
from typing import Any

import click

from sedo.cli.errors import Failure
from sedo.cli.options import Options, shared_by_root

COMMANDS = {
    "definitions": "sedo.cli.definitions:definitions",
    "execute": "sedo.cli.execute:execute",
    "executions": "sedo.cli.executions:executions",
    "tasks": "sedo.cli.tasks:tasks",
    "lint": "sedo.cli.lint:lint",
    "graph": "sedo.cli.graph:graph",
    "test": "sedo.testing.command:test",
    "verify": "sedo.verify.command:verify",
    "schema": "sedo.cli.schema:schema",
    "completions": "sedo.cli.completions:completions",
}
"""Word → the click command behind it. Any package may stand here, and is imported when its word is used."""


class Words(click.Group):
    """A group whose commands are looked up in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command behind a word; None for an unknown word."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command), f"{COMMANDS[cmd_name]} is no command"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; an unknown word is told what it may be."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a failure learns how it is to be shown."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            failure.as_json = ctx.ensure_object(Options).as_json
            raise


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        try:
            found = metadata.version("sedo")
        except metadata.PackageNotFoundError:
            found = "(not installed: run from its source)"
        click.echo(f"sedo {found}")
        context.exit()


@click.group(cls=Words, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@shared_by_root
def root() -> None:
    """Write, run and watch durable workflows.

    \b
    Exit codes: 0 fine; 1 no (refused, or an execution that did not succeed);
                2 a wrong command line; 3 sedo cannot be reached.
    """


def main() -> None:
    """Run the command line of this process, and leave."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, io.UnsupportedOperation):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    root(prog_name="sedo")

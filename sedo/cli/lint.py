"""`sedo lint`: what posting would refuse and what reading ahead sees, without a service."""

from __future__ import annotations

from pathlib import Path

import click

from sedo.cli.definitions import FILE
from sedo.cli.options import Options, offline
from sedo.lint import run


@click.command()
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@offline
@click.pass_obj
@click.pass_context
def lint(context: click.Context, options: Options, files: tuple[Path, ...], strict: bool) -> None:
    """Check the definitions in FILEs: all that posting checks, and what only reading ahead can see.

    Exit codes: 0 without errors, 1 with one, 2 when a file cannot be read.
    """
    context.exit(run(files, json=options.as_json, strict=strict))

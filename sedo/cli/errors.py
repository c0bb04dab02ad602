"""What ends a command: a sentence for people, a document for `--json`, and an exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import click

from sedo.cli.output import safe

EXIT_INTERRUPTED = 130


class Failure(click.ClickException):
    """Root of what a command says no with; `document` is what `--json` shows on standard error."""

    def __init__(self, message: str, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.document = document
        self.as_json = False

    def show(self, file: IO[Any] | None = None) -> None:
        """Write to standard error, so that standard output holds results alone."""
        if self.as_json:
            document = self.document or {"title": self.message}
            click.echo(json.dumps(document, indent=2, ensure_ascii=False), file=file, err=file is None)
        else:
            click.echo("sedo: " + safe(self.message, keep="\n"), file=file, err=file is None)


class Refused(Failure):
    """The answer is no: the service refused, a file is wrong, an execution did not succeed."""

    exit_code = 1


class BadInput(Failure):
    """The command line, or what it names, cannot be used."""

    exit_code = 2


class Unreachable(Failure):
    """No answer, or one that only a broken or busy service gives."""

    exit_code = 3

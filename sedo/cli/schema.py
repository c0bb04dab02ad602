"""`sedo schema`: the JSON Schema of definitions, the same that a service publishes."""

from __future__ import annotations

import click

from chalicelib.engine.published import definition_schema
from sedo.cli.options import offline
from sedo.cli.output import print_json


@click.command()
@offline
def schema() -> None:
    """Print the JSON Schema of definitions, for editors.

    \b
    sedo schema > definition.schema.json
    and as the first line of a definition in YAML:
    # yaml-language-server: $schema=definition.schema.json
    """
    print_json(definition_schema())

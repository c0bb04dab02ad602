"""`sedo schema`: the JSON Schema of definitions, as the service publishes it at `/schemas/definition.json`."""

from __future__ import annotations

import json
import sys

from chalicelib.engine.published import definition_schema


def schema_text() -> str:
    """Return the schema as a file holds it."""
    return json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())

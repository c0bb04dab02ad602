"""python -m sedo.lint FILE...: lint files without the `sedo` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sedo.lint.command import run


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when there is no error, 1 when there is one, 2 for bad arguments."""
    parser = argparse.ArgumentParser("sedo lint", description="Check definitions without posting them.")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    given = parser.parse_args(arguments)
    return run(given.files, json=given.json, strict=given.strict)


if __name__ == "__main__":
    sys.exit(main())

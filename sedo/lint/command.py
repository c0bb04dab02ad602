"""The command: findings of files as lines or as JSON, and an exit code."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sedo.lint.linting import Finding, lint
from sedo.lint.rules import ERROR

CLEAN, FOUND, USAGE = 0, 1, 2


def run(paths: Sequence[Path], json: bool = False, strict: bool = False) -> int:
    """Print what is wrong with files. Return 0 when there is no error, 1 when there is one, 2 for unreadable files.

    With `strict` a warning counts as an error. Test files are for `sedo test`, unless there is nothing else.
    """
    findings: list[Finding] = []
    definitions = [path for path in paths if not path.stem.endswith(".test")]
    if not definitions:
        print("these are test files alone, for sedo test: name a definition", file=sys.stderr)
        return USAGE
    for path in definitions:
        try:
            findings += lint(path)
        except OSError as error:
            print(f"{path}: cannot be read: {error.strerror}", file=sys.stderr)
            return USAGE
    if json:
        print(json_format.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for line in dict.fromkeys(map(str, findings)):  # what an anchor holds is wrong wherever its aliases stand
            print(line)
    return FOUND if any(strict or finding.severity == ERROR for finding in findings) else CLEAN

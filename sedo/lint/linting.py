"""One file → its findings, in the order of its lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.api.problems import Refused
from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid
from sedo.lint.ahead import Ahead
from sedo.lint.rules import ERROR, RULES, WARNING
from sedo.lint.source import Source, read

POSTING, IGNORES = "definition", "unused-ignore"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a file; `path` is its JSON Pointer."""

    file: str
    line: int
    column: int
    severity: str
    rule: str
    message: str
    path: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} ({self.rule})"


def lint(path: Path) -> list[Finding]:
    """Return all findings of one file. Raises OSError when it cannot be read."""
    content = path.read_bytes()
    try:
        source = read(path, content)
    except Refused as refused:
        return [_unreadable(path, refused)]
    findings = list(_of_posting(path, source))
    if not findings:
        for rule, severity, at, message in ahead(source.document):
            if not source.silences(rule, at):
                findings.append(Finding(str(path), *source.place(at), severity, rule, message, at))
        findings += _of_ignores(path, source)
    return sorted(set(findings), key=lambda finding: (finding.line, finding.column, finding.rule, finding.message))


def ahead(document: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield rule, severity, pointer and sentence of all that reading ahead sees in a valid definition."""
    seen = Ahead(document)
    for rule in RULES:
        for at, message in rule.check(seen):
            yield rule.name, rule.severity, at, message


def _of_posting(path: Path, source: Source) -> Iterator[Finding]:
    try:
        parse(source.document)
    except DefinitionInvalid as invalid:
        for problem in invalid.problems:
            place = source.place(problem.path, at_key=problem.at_key)
            yield Finding(str(path), *place, ERROR, POSTING, problem.message, problem.path)


def _unreadable(path: Path, refused: Refused) -> Finding:
    problem = refused.problems[0] if refused.problems else None
    message = problem.message if problem else refused.detail
    line, column = (problem.line or 1, problem.column or 1) if problem else (1, 1)
    return Finding(str(path), line, column, ERROR, POSTING, message, problem.path if problem else "")


def _of_ignores(path: Path, source: Source) -> Iterator[Finding]:
    """Yield the ignores that silence nothing: they hide what comes later."""
    known = {rule.name for rule in RULES}
    for ignore in (ignore for ignores in source.ignores.values() for ignore in ignores if not ignore.used):
        why = "nothing to silence here" if ignore.rule in known else f"there is no rule {ignore.rule!r}"
        yield Finding(str(path), ignore.line, 1, WARNING, IGNORES, f"{why}: take the ignore away", "")

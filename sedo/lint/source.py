"""A file as lint reads it: the document, the place of every value, and what its author asks to be silent about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.api import bodies, yaml_text
from chalicelib.api.plain import Malformed
from chalicelib.engine.lists import step_at

_IGNORE = re.compile(r"sedo:\s*ignore\s+([a-z-]+(?:\s*,\s*[a-z-]+)*)")
_COMMENT = re.compile(r"(?:^|\s)#\s*" + _IGNORE.pattern)


@dataclass(slots=True)
class Ignore:
    """One wish for silence: the rule, the line it was written in, and whether anything was silenced by it."""

    rule: str
    line: int
    used: bool = False


@dataclass(slots=True)
class Source:
    """A document with the lines and columns of its JSON Pointers, and its ignores by the line that they are about."""

    document: Any
    positions: yaml_text.Positions
    ignores: dict[int, list[Ignore]] = field(default_factory=dict)

    def place(self, path: str, *, at_key: bool = False) -> tuple[int, int]:
        """Return line and column of a value or of its name, or of the nearest thing that holds it."""
        return self.positions.place(path, at_key=at_key) or (1, 1)

    def silences(self, rule: str, path: str) -> bool:
        """Say whether the author asked for silence about this: in its line, or for its step as a whole."""
        step = step_at(path)
        lines = [self.place(path)[0]] + ([] if step is None else [self.place(step)[0]])
        found = [ignore for line in lines for ignore in self.ignores.get(line, []) if ignore.rule == rule]
        for ignore in found:
            ignore.used = True
        return bool(found)


def read(path: Path, content: bytes) -> Source:
    """Return a file's content as it would be posted. Raises Refused for what is no YAML or JSON of ours."""
    is_json = path.suffix == ".json"
    media_type = bodies.JSON if is_json else bodies.YAML
    body = bodies.read(content, media_type, (media_type,), bodies.MAX_DEFINITION_BYTES)
    positions = body.positions if body.positions is not None else _json_positions(body.text)
    source = Source(body.value, positions)
    if not is_json:
        _note_comments(body.text, source)
    _note_descriptions(source.document, "", source)
    return source


def _json_positions(text: str) -> yaml_text.Positions:
    """JSON is nearly always YAML too, once tabs are spaces; where it is not, only the first line is named."""
    try:
        return yaml_text.read(text.replace("\t", " "))[1]
    except Malformed:
        return yaml_text.Positions()


def _note_comments(text: str, source: Source) -> None:
    """A comment is about its own line; one that stands alone is about the next line that says something."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        found = _COMMENT.search(line)
        if found is None:
            continue
        about = i
        while about < len(lines) and (not lines[about].strip() or lines[about].lstrip().startswith("#")):
            about += 1
        _note(source, about + 1, i + 1, found[1])


def _note_descriptions(value: Any, path: str, source: Source) -> None:
    """JSON has no comments: there, a step says it in its description."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            _note_descriptions(item, f"{path}/{i}", source)
    elif isinstance(value, dict):
        found = _IGNORE.search(value["description"]) if isinstance(value.get("description"), str) else None
        if found is not None and step_at(path) == path:
            _note(source, source.place(path)[0], source.place(f"{path}/description")[0], found[1])
        for name in ("steps", "branches"):
            _note_descriptions(value.get(name), f"{path}/{name}", source)


def _note(source: Source, about: int, line: int, rules: str) -> None:
    source.ignores.setdefault(about, []).extend(Ignore(rule.strip(), line) for rule in rules.split(","))

"""Definitions and inputs, from files, arguments and standard input; what is wrong comes with line and column."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from chalicelib.api import json_text, yaml_text
from chalicelib.api.plain import Malformed
from sedo.cli.errors import BadInput, Refused

MEDIA_TYPES = {".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml"}


@dataclass(frozen=True)
class Source:
    """A definition's file, read: the bytes as they are, and the value with the places of its parts."""

    name: str
    content: bytes
    media_type: str
    value: Any
    places: yaml_text.Positions

    def place(self, path: str, *, at_key: bool = False) -> tuple[int, int] | None:
        """Return line and column of a JSON Pointer or of the name at its end, or of what would hold it."""
        return self.places.place(path, at_key=at_key)


def read_definition(path: Path) -> Source:
    """Read a definition. Raises BadInput for the file, Refused for what is written in it."""
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise BadInput(f"{path}: expected a name that ends in .yaml, .yml or .json")
    content = _read(path)
    name = str(path)
    text = _decode(content, name)
    if media_type == "application/yaml":
        value, places = _parse(yaml_text.read, text, name)
        return Source(name, content, media_type, value, places)
    value = _parse(json_text.read, text, name)
    return Source(name, content, media_type, value, _places(text))


def read_value(given: str, option: str = "--input") -> Any:
    """Return the value of JSON itself, of @FILE (JSON or YAML), or of - (standard input). Raises BadInput."""
    try:
        if given == "-":
            return _parse(json_text.read, _decode(sys.stdin.buffer.read(), "stdin"), "standard input")
        if not given.startswith("@"):
            return _parse(json_text.read, given, option)
        path = Path(given[1:])
        text = _decode(_read(path), str(path))
        if path.suffix.lower() in (".yaml", ".yml"):
            return _parse(yaml_text.read, text, str(path))[0]
        return _parse(json_text.read, text, str(path))
    except Refused as refused:
        raise BadInput(refused.message) from None


def to_yaml(value: Any) -> str:
    """Return a value as YAML that reads back as the same value."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.width = 120
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.representer.sort_base_mapping_type_on_output = False
    writer.representer.ignore_aliases = lambda _: True
    text = io.StringIO()
    writer.dump(value, text)
    return text.getvalue().removesuffix("...\n")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise Refused(f"{name}:{line}:{column}: byte 0x{content[error.start]:02x} is not UTF-8") from None


def _parse(read: Callable[[str], Any], text: str, name: str) -> Any:
    try:
        return read(text)
    except Malformed as error:
        problem = error.problem
        place = f":{problem.line}:{problem.column}" if problem.line else ""
        document = {"title": "not readable", "errors": [problem.document()]}
        raise Refused(f"{name}{place}: {problem.message}", document) from None


def _places(text: str) -> yaml_text.Positions:
    """JSON is read as the YAML that it nearly always is; where it is not, problems have a path only."""
    try:
        return yaml_text.read(text)[1]
    except Malformed:
        return yaml_text.Positions()

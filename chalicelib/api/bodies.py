"""The body of a request: media type, length and encoding are checked before a byte of it is parsed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.api import json_text, yaml_text
from chalicelib.api.plain import BYTES_PER_NODE, MAX_NODES, Malformed, check
from chalicelib.api.problems import Refused
from chalicelib.engine.errors import Problem

JSON = "application/json"
YAML = "application/yaml"
MAX_DEFINITION_BYTES = 262_144
MAX_LOCATED_CHARACTERS = 65_536


@dataclass(frozen=True, slots=True)
class Body:
    """A parsed body; `text` is kept so that problems found later can be given their place."""

    value: Any
    text: str = ""
    positions: yaml_text.Positions | None = None

    def located(self, problem: Problem) -> Problem:
        """Return the problem with the line and column of its path, or of what holds it, where they are known."""
        if problem.line is not None or not self.text:
            return problem
        line, column = self._places().place(problem.path, at_key=problem.at_key) or (None, None)
        return replace(problem, line=line, column=column)

    def _places(self) -> yaml_text.Positions:
        """JSON is read as the YAML that it nearly always is; where it is not, problems have a path only."""
        if self.positions is not None:
            return self.positions
        if len(self.text) > MAX_LOCATED_CHARACTERS:
            return yaml_text.Positions()
        try:
            return yaml_text.read(self.text)[1]
        except Malformed:
            return yaml_text.Positions()


def read(content: bytes, content_type: str | None, allowed: tuple[str, ...], max_bytes: int) -> Body:
    """Return the parsed body. Raises Refused with 400, 413 or 415."""
    media_type = _media_type(content_type, allowed)
    if len(content) > max_bytes:
        raise _too_large(f"the body has {len(content):,} bytes", max_bytes)
    body = Body(None)
    try:
        body = _parse(_text(content), media_type)
        check(body.value, max(MAX_NODES, max_bytes // BYTES_PER_NODE))
    except Malformed as malformed:
        title = "body is not valid " + ("YAML" if media_type == YAML else "JSON")
        problem = body.located(malformed.problem)
        raise Refused(400, title, _sentence(problem), [problem]) from None
    _check_size_as_stored(body.value, max_bytes)
    return body


def _parse(text: str, media_type: str) -> Body:
    if not text.strip():
        raise Malformed("the body is empty", line=1, column=1)
    if media_type == YAML:
        value, positions = yaml_text.read(text)
        return Body(value, text, positions)
    return Body(json_text.read(text), text)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise Malformed(f"byte 0x{content[error.start]:02x} is not UTF-8", line=line, column=column) from None


def _media_type(content_type: str | None, allowed: tuple[str, ...]) -> str:
    """Return the media type without parameters. Raises Refused 415 with what to write instead."""
    expected = " or ".join(allowed)
    hint = f"send the header 'Content-Type: {allowed[0]}' (curl: -H 'Content-Type: {allowed[0]}')"
    if not content_type:
        raise Refused(415, "media type is not supported", f"Content-Type is missing, expected {expected}: {hint}")
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if media_type not in allowed:
        detail = f"Content-Type is {media_type[:100]!r}, expected {expected}: {hint}"
        raise Refused(415, "media type is not supported", detail)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise Refused(415, "media type is not supported", f"charset is {value.strip()[:40]!r}, expected utf-8")
    return media_type


def _check_size_as_stored(value: Any, max_bytes: int) -> None:
    """Numbers and aliases can be longer than they were written."""
    stored = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if stored > max_bytes:
        raise _too_large(f"the body has {stored:,} bytes, written out as JSON", max_bytes)


def _too_large(found: str, max_bytes: int) -> Refused:
    return Refused(413, "body is too large", f"{found}, allowed are {max_bytes:,}")


def _sentence(problem: Problem) -> str:
    """Return the problem as one line for a terminal."""
    where = f"line {problem.line}, column {problem.column}: " if problem.line else ""
    return where + (f"{problem.path}: " if problem.path else "") + problem.message

"""A JSON Schema → questions, field by field → a value that passes it; what does not pass is asked again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from chalicelib.api import checks
from chalicelib.engine.errors import Problem

SKIPPED = object()
"""What was left out: an optional field without an answer."""
MAX_ITEMS = 1000
_YES, _NO = ("yes", "y", "true"), ("no", "n", "false")
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes/no", "null": "null"}


class _NotSo(Exception):
    """A line that is no value of the kind that was asked for."""


class Questions:
    """Asks by `read` (prompt → line) and explains by `tell`."""

    def __init__(self, schema: Any, read: Callable[[str], str], tell: Callable[[str], None]) -> None:
        self.schema = schema
        self.read = read
        self.tell = tell
        self.checker = _checker(schema)

    def answer(self) -> Any:
        """Ask for all of it, and once more when the whole does not hold though its parts do."""
        while True:
            value = self.value(self.schema, "", required=True)
            if self._holds(self.schema, value, ""):
                return value
            self.tell("Once more, please.")

    def value(self, schema: Any, name: str, *, required: bool) -> Any:
        """Return the value of one field, or SKIPPED."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
            return self._object(schema, name, required)
        items = schema.get("items")
        if schema.get("type") == "array" and isinstance(items, dict):
            return self._array(schema, items, name, required)
        return self._single(schema, name, required)

    def _object(self, schema: Mapping[str, Any], name: str, required: bool) -> Any:
        if name:
            self._explain(schema)
            if not required and not self._agrees(f"fill in {name}?"):
                return SKIPPED
        needed = schema.get("required", [])
        members: dict[str, Any] = {}
        for key, part in schema["properties"].items():
            value = self.value(part, f"{name}.{key}" if name else key, required=key in needed)
            if value is not SKIPPED:
                members[key] = value
        for key in needed:
            if key not in schema["properties"]:
                members[key] = self.value({}, f"{name}.{key}" if name else key, required=True)
        return members

    def _array(self, schema: Mapping[str, Any], items: Any, name: str, required: bool) -> Any:
        self._explain(schema)
        label = name or "item"
        while True:
            self.tell(f"{label}: one item after the other; an empty line ends the list")
            found: list[Any] = []
            while len(found) < min(MAX_ITEMS, schema.get("maxItems", MAX_ITEMS)):
                item = self._item(items, f"{label}[{len(found)}]")
                if item is SKIPPED:
                    break
                found.append(item)
            if not found and not required:
                return SKIPPED
            if self._holds(schema, found, name):
                return found

    def _item(self, schema: Any, name: str) -> Any:
        return self.value(schema, name, required=False)

    def _single(self, schema: Mapping[str, Any], name: str, required: bool) -> Any:
        self._explain(schema)
        options = _options(schema)
        for i, (title, _) in enumerate(options, 1):
            self.tell(f"  {i}  {title}")
        prompt = _prompt(schema, name or "answer", options, required)
        while True:
            line = self.read(prompt).strip()
            if not line:
                if "default" in schema:
                    return schema["default"]
                if not required:
                    return SKIPPED
                self.tell('A value is needed here; "" is an empty text.')
                continue
            try:
                value = _chosen(line, options) if options else _parsed(line, _kinds(schema))
            except _NotSo as problem:
                self.tell(str(problem))
                continue
            if self._holds(schema, value, name):
                return value

    def _agrees(self, question: str) -> bool:
        while True:
            line = self.read(f"{question} (yes/no) [no]: ").strip().lower()
            if line in _YES or line in _NO or not line:
                return line in _YES
            self.tell("Expected yes or no.")

    def _holds(self, schema: Any, value: Any, name: str) -> bool:
        """Say what is wrong with a value."""
        found = _problems(self.checker.evolve(schema=schema), value)
        for problem in found:
            place = (name + problem.path.replace("/", ".")).strip(".")
            self.tell(f"{place}: {problem.message}" if place else problem.message)
        return not found

    def _explain(self, schema: Mapping[str, Any]) -> None:
        words = [str(schema[key]) for key in ("title", "description") if schema.get(key)]
        if words:
            self.tell(": ".join(words))

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        """Follow references within the document; a schema of true or false says nothing to ask by."""
        for _ in range(20):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str) or not re.fullmatch(r"#(/.*)?", reference):
                break
            target = self._target(reference)
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema if isinstance(schema, dict) else {}

    def _target(self, reference: str) -> Mapping[str, Any]:
        found: Any = self.schema
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def misfits(schema: Any, value: Any) -> list[Problem]:
    """Return all that is wrong with a value, by a schema that its service has checked."""
    return _problems(_checker(schema), value)


def _checker(schema: Any) -> Validator:
    return validator_for(schema, default=Draft202012Validator)(schema, registry=EMPTY_REGISTRY)


def _problems(checker: Validator, value: Any) -> list[Problem]:
    """Return the problems of a value; what cannot be checked here is left to the service."""
    try:
        return checks.problems(checker, value)
    except (Unresolvable, re.error, RecursionError):
        return []


def _kinds(schema: Mapping[str, Any]) -> Sequence[str]:
    kinds = schema.get("type", ())
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _options(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what can be chosen from, with titles: `enum`, or `oneOf` and `anyOf` made of constants."""
    if isinstance(schema.get("enum"), list):
        return [(value if isinstance(value, str) else json.dumps(value), value) for value in schema["enum"]]
    for key in ("oneOf", "anyOf"):
        arms = schema.get(key)
        if isinstance(arms, list) and arms and all(isinstance(arm, dict) and "const" in arm for arm in arms):
            return [(str(arm.get("title", arm["const"])), arm["const"]) for arm in arms]
    return []


def _prompt(schema: Mapping[str, Any], name: str, options: Sequence[Any], required: bool) -> str:
    kinds = " or ".join(_WORDS.get(kind, "JSON") for kind in _kinds(schema)) or "JSON"
    notes = [f"1 to {len(options)}" if options else kinds]
    if not required:
        notes.append("may be left out")
    default = f" [{json.dumps(schema['default'], ensure_ascii=False)}]" if "default" in schema else ""
    return f"{name} ({', '.join(notes)}){default}: "


def _chosen(line: str, options: Sequence[tuple[str, Any]]) -> Any:
    """Return an option by its title, else by its number."""
    for title, value in options:
        if line == title:
            return value
    if line.isdecimal() and 1 <= int(line) <= len(options):
        return options[int(line) - 1][1]
    raise _NotSo(f"Expected a number from 1 to {len(options)}, or one of the words beside them.")


def _parsed(line: str, kinds: Sequence[str]) -> Any:
    """Return the first reading of a line that is of one of the kinds; JSON where no kind is named."""
    for kind in kinds:
        if kind in _READERS:
            for value in _READERS[kind](line):
                return value
    if set(kinds) <= set(_READERS) and kinds:
        raise _NotSo(f"Expected {' or '.join(_WORDS[kind] for kind in kinds)}.")
    try:
        return json.loads(line, parse_constant=_no_constant)
    except ValueError:
        raise _NotSo('Expected JSON, like 5, true, "text", [1, 2] or {"a": 1}.') from None


def _no_constant(literal: str) -> None:
    raise ValueError(literal)


def _boolean(line: str) -> Iterator[bool]:
    if line.lower() in _YES + _NO:
        yield line.lower() in _YES


def _integer(line: str) -> Iterator[int]:
    if re.fullmatch(r"[-+]?[0-9]{1,30}", line):
        yield int(line)


def _number(line: str) -> Iterator[float]:
    yield from _integer(line)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?", line):
        yield float(line)


def _null(line: str) -> Iterator[None]:
    if line == "null":
        yield None


def _text(line: str) -> Iterator[str]:
    """What stands in quotes is read as JSON, so that texts may hold line breaks, or nothing at all."""
    if len(line) > 1 and line[0] == line[-1] == '"':
        try:
            yield str(json.loads(line))
        except ValueError:
            yield line
    yield line


_READERS: Mapping[str, Callable[[str], Iterator[Any]]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "null": _null,
    "string": _text,
}

"""What is checked of an author's JSON Schema: its metaschema, its patterns, and that references stay inside and lead to
schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import FormatChecker
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, specification_with

from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.patterns import NotSupported, check_pattern

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose value is a schema, a list of schemas, or schemas by name, in any of the dialects.
_ONE = {"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"}
_ONE |= {"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
_MANY = {"allOf", "anyOf", "items", "oneOf", "prefixItems"}
_NAMED = {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}


def schema_problems(schema: Any, dialect: type[Validator], path: str) -> Iterator[Problem]:
    """Yield everything that would make a schema useless or make it raise; `schema` has no `$id` of its own."""
    found = sorted(_against_metaschema(schema, dialect, path), key=lambda problem: (problem.path, problem.message))
    yield from found
    if not found and isinstance(schema, dict):
        walk = _Walk(schema, dialect)
        yield from walk.problems(schema, path)
        if walk.has_patterns:
            for at in walk.unevaluated:
                yield Problem(at, "unevaluatedProperties and patternProperties cannot both be in one schema")


def _against_metaschema(schema: Any, dialect: type[Validator], path: str) -> Iterator[Problem]:
    said: set[tuple[str, str]] = set()  # the parts of a metaschema repeat each other
    try:
        checker = dialect(dialect.META_SCHEMA, format_checker=_formats(dialect))
        for error in checker.iter_errors(schema):
            at = path + pointer(*error.absolute_path)
            if (at, error.message) not in said:
                said.add((at, error.message))
                yield Problem(at, f"not a valid JSON Schema: {error.message[:500]}")
    except RecursionError:
        yield Problem(path, "the schema is nested too deeply")
    except (ValueError, ArithmeticError, TypeError, re.error) as error:
        # Formats are checked by code that was not made for hostile texts, as re.compile("a{99999999999}").
        yield Problem(path, f"not a valid JSON Schema: {str(error)[:500]}")


def _formats(dialect: type[Validator]) -> FormatChecker:
    """Return the formats of a dialect but for `regex`: that is Python's, and patterns here are RE2's."""
    checker = FormatChecker(())
    checker.checkers = {name: check for name, check in dialect.FORMAT_CHECKER.checkers.items() if name != "regex"}
    return checker


class _Walk:
    """Visits every schema that can be evaluated, also what is one only because a reference leads there."""

    def __init__(self, root: dict[str, Any], dialect: type[Validator]) -> None:
        specification = specification_with(dialect.META_SCHEMA.get("$schema", ""))
        resource = specification.create_resource(root)
        self._resolver = EMPTY_REGISTRY.with_resource("", resource).resolver_with_root(resource)
        self._dialect = dialect
        self._root = root
        # References are made of these very objects, which live as long as the root: their addresses name them.
        self._seen: set[int] = set()
        self.has_patterns = False
        # What jsonschema does for these looks at patterns in its own way, which is not bounded.
        self.unevaluated: list[str] = []

    def problems(self, schema: Any, path: str) -> Iterator[Problem]:
        if not isinstance(schema, dict) or id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        if schema is not self._root:
            for name in ("$id", "id", "$schema"):
                if isinstance(schema.get(name), str):
                    yield Problem(f"{path}/{name}", f"{name} is only allowed at the root of a schema")
        yield from self._patterns(schema, path)
        for keyword, value in schema.items():
            yield from self._keyword(keyword, value, path + pointer(keyword))

    def _patterns(self, schema: dict[str, Any], path: str) -> Iterator[Problem]:
        by_name = schema.get("patternProperties", {})
        patterns = {path + pointer("patternProperties", pattern): pattern for pattern in by_name}
        self.has_patterns = self.has_patterns or bool(by_name)
        if "unevaluatedProperties" in schema:
            self.unevaluated.append(f"{path}/unevaluatedProperties")
        if "pattern" in schema:
            patterns[f"{path}/pattern"] = schema["pattern"]
        for at, pattern in patterns.items():
            try:
                check_pattern(pattern)
            except NotSupported as reason:
                yield Problem(at, f"the pattern cannot be used: {reason}", found=pattern[:200])

    def _keyword(self, keyword: str, value: Any, path: str) -> Iterator[Problem]:
        if keyword in _REFERENCES and isinstance(value, str):
            yield from self._reference(keyword, value, path)
        elif isinstance(value, dict):
            if keyword in _NAMED:
                for name, schema in value.items():
                    yield from self.problems(schema, path + pointer(name))
            elif keyword in _ONE:
                yield from self.problems(value, path)
        elif isinstance(value, list) and keyword in _MANY:
            for i, schema in enumerate(value):
                yield from self.problems(schema, f"{path}/{i}")

    def _reference(self, keyword: str, target: str, path: str) -> Iterator[Problem]:
        if not target.startswith("#"):
            yield Problem(path, f"{keyword} must stay inside the document, like '#/$defs/name'", found=target[:200])
            return
        try:
            found = self._resolver.lookup(target).contents
        except (Unresolvable, ValueError, LookupError, TypeError, AttributeError):
            yield Problem(path, f"{keyword} leads nowhere", found=target[:200])
            return
        if not isinstance(found, dict | bool):
            yield Problem(path, f"{keyword} leads to something that is no schema", found=target[:200])
        elif id(found) not in self._seen and isinstance(found, dict):
            wrong = list(_against_metaschema(found, self._dialect, path))
            yield from wrong
            if not wrong:
                yield from self.problems(found, path)

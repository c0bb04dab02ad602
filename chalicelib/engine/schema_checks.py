"""What is checked of an author's JSON Schema: its metaschema, its patterns, and that references stay inside and lead to
schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from jsonschema import FormatChecker, validators
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, specification_with

from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.patterns import NotSupported, check_pattern
from chalicelib.engine.sameness import unique_items

LONG_LIST = 100
MAX_ODD = 20
MAX_UNUSABLE = 50
"""So many patterns that cannot be used are reported: to find out takes longest for the largest."""
MAX_PATTERNS = 1_000
_OF_NAMES = ("/required", "/type")

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
    if isinstance(schema, dict):
        walk = _Walk(schema, dialect, path, frozenset(problem.path for problem in found))
        yield from walk.problems()
        if walk.has_patterns:
            for at in walk.unevaluated:
                yield Problem(at, "unevaluatedProperties and patternProperties cannot both be in one schema")


def _against_metaschema(schema: Any, dialect: type[Validator], path: str) -> Iterator[Problem]:
    odd = list(islice(_odd_lists(schema, path), MAX_ODD))
    if odd:  # to find out whether they repeat themselves takes jsonschema the square of their length
        yield from odd
        return
    said: set[tuple[str, str]] = set()  # the parts of a metaschema repeat each other
    try:
        checker = _linear(dialect)(dialect.META_SCHEMA, format_checker=_formats(dialect))
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


@lru_cache(maxsize=8)
def _linear(dialect: type[Validator]) -> type[Validator]:
    """Return a dialect that does not compare each item with each other."""
    linear: type[Validator] = validators.extend(dialect, {"uniqueItems": unique_items})  # type: ignore[no-untyped-call]
    return linear


def _odd_lists(schema: Any, path: str) -> Iterator[Problem]:
    """Yield the long lists of names that hold something else."""
    todo = [(schema, path)]
    for found, at in todo:  # which grows on the way
        if isinstance(found, dict):
            todo += [(value, at + pointer(name)) for name, value in found.items()]
        elif isinstance(found, list):
            if len(found) > LONG_LIST and at.endswith(_OF_NAMES) and not all(isinstance(name, str) for name in found):
                yield Problem(at, "not a valid JSON Schema: it holds something that is no text", expected="texts")
            todo += [(item, f"{at}/{i}") for i, item in enumerate(found)]


def _formats(dialect: type[Validator]) -> FormatChecker:
    """Return the formats of a dialect but for `regex`: that is Python's, and patterns here are RE2's."""
    checker = FormatChecker(())
    checker.checkers = {name: check for name, check in dialect.FORMAT_CHECKER.checkers.items() if name != "regex"}
    return checker


class _Walk:
    """Visits every schema that can be evaluated, also what is one only because a reference leads there."""

    def __init__(self, root: dict[str, Any], dialect: type[Validator], path: str, bad: frozenset[str]) -> None:
        specification = specification_with(dialect.META_SCHEMA.get("$schema", ""))
        resource = specification.create_resource(root)
        self._resolver = EMPTY_REGISTRY.with_resource("", resource).resolver_with_root(resource)
        self._dialect = dialect
        self._root = root
        self._path = path
        self._bad = bad
        self._todo: list[tuple[Any, str]] = [(root, path)]
        # References are made of these very objects, which live as long as the root: their addresses name them.
        self._seen: set[int] = set()
        self._looked_at: set[str] = set()
        self._unusable = 0
        self._patterns_left = MAX_PATTERNS
        self.has_patterns = False
        # What jsonschema does for these looks at patterns in its own way, which is not bounded.
        self.unevaluated: list[str] = []

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong, schema by schema: what a reference leads to waits for its turn."""
        for schema, path in self._todo:  # which grows on the way
            if isinstance(schema, dict) and id(schema) not in self._seen:
                self._seen.add(id(schema))
                yield from self._of(schema, path)

    def _of(self, schema: dict[str, Any], path: str) -> Iterator[Problem]:
        if schema is not self._root:
            for name in ("$id", "id", "$schema"):
                if isinstance(schema.get(name), str):
                    yield Problem(f"{path}/{name}", f"{name} is only allowed at the root of a schema")
        yield from self._patterns(schema, path)
        for keyword, value in schema.items():
            yield from self._keyword(keyword, value, path + pointer(keyword))

    def _patterns(self, schema: dict[str, Any], path: str) -> Iterator[Problem]:
        by_name = schema.get("patternProperties", {})
        by_name = by_name if isinstance(by_name, dict) else {}
        patterns = {path + pointer("patternProperties", pattern): pattern for pattern in by_name}
        self.has_patterns = self.has_patterns or bool(by_name)
        if "unevaluatedProperties" in schema:
            self.unevaluated.append(f"{path}/unevaluatedProperties")
        if "pattern" in schema:
            patterns[f"{path}/pattern"] = schema["pattern"]
        for at, pattern in patterns.items():
            self._patterns_left -= 1
            if self._patterns_left == -1:
                yield Problem(at, f"a schema may hold {MAX_PATTERNS} patterns")
            if self._patterns_left < 0 or self._unusable >= MAX_UNUSABLE or not isinstance(pattern, str):
                continue
            try:
                check_pattern(pattern)
            except NotSupported as reason:
                self._unusable += 1
                yield Problem(at, f"the pattern cannot be used: {reason}", found=pattern[:200])

    def _keyword(self, keyword: str, value: Any, path: str) -> Iterator[Problem]:
        if keyword in _REFERENCES and isinstance(value, str):
            yield from self._reference(keyword, value, path)
        elif isinstance(value, dict):
            if keyword in _NAMED:
                self._todo += [(schema, path + pointer(name)) for name, schema in value.items()]
            elif keyword in _ONE:
                self._todo.append((value, path))
        elif isinstance(value, list) and keyword in _MANY:
            self._todo += [(schema, f"{path}/{i}") for i, schema in enumerate(value)]

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
            at = self._path + unquote(target[1:]) if target.startswith("#/") else path
            if at not in self._looked_at:
                self._looked_at.add(at)
                wrong = list(_against_metaschema(found, self._dialect, at))
                yield from (problem for problem in wrong if problem.path not in self._bad)
                self._todo += [] if wrong else [(found, at)]

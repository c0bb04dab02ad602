"""What is checked of an author's JSON Schema: its metaschema, its patterns, and that references stay inside and lead to
schemas.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from jsonschema import FormatChecker, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema_specifications import REGISTRY
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, specification_with

from chalicelib.engine.checks import MAX_PROBLEMS, in_words, shown
from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.hints import hint
from chalicelib.engine.keywords import unique_items
from chalicelib.engine.patterns import PatternBudget

_TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose value is a schema, a list of schemas, or schemas by name, in any of the dialects.
_ONE = {"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"}
_ONE |= {"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
_MANY = {"allOf", "anyOf", "items", "oneOf", "prefixItems"}
_NAMED = {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}


# What referencing is known to let through on odd references and schemas.
_FAULTS = (Unresolvable, ValueError, LookupError, TypeError, AttributeError)


def schema_problems(
    schema: Any, dialect: type[Validator], path: str, patterns: PatternBudget | None = None
) -> Iterator[Problem]:
    """Yield what would make a schema useless or make it raise; `schema` has no `$id` of its own."""
    found = _against_metaschema(schema, dialect, path)
    yield from found
    if isinstance(schema, dict):
        yield from _Walk(schema, dialect, path, patterns or PatternBudget(), bool(found)).problems()


def resolver_of(root: Any, dialect: type[Validator]) -> Any:
    """Return what finds the references inside a schema; its anchors are looked for only once."""
    resource = specification_with(dialect.META_SCHEMA.get("$schema", "")).create_resource(root)
    registry = EMPTY_REGISTRY.with_resource("", resource)
    try:
        registry = registry.crawl()
    except (*_FAULTS, RecursionError):
        pass  # of a wrong shape
    return registry.resolver("")


def _against_metaschema(schema: Any, dialect: type[Validator], path: str) -> list[Problem]:
    found = islice(_metaschema_errors(schema, dialect, path), MAX_PROBLEMS + 1)
    return sorted(found, key=lambda problem: (problem.path, problem.message))


def _metaschema_errors(schema: Any, dialect: type[Validator], path: str) -> Iterator[Problem]:
    said: set[tuple[str, str]] = set()  # the parts of a metaschema repeat each other
    try:
        for error in _metaschema(dialect).iter_errors(schema):
            at = path + pointer(*error.absolute_path)
            if (at, error.message) not in said:
                said.add((at, error.message))
                yield _told(error, at)
    except RecursionError:
        yield Problem(path, "the schema is nested too deeply")
    except (ValueError, ArithmeticError, TypeError, re.error) as error:
        # Formats are checked by code that was not made for hostile texts, as re.compile("a{99999999999}").
        yield Problem(path, f"not a valid JSON Schema: {str(error)[:500]}")


def _told(error: ValidationError, at: str) -> Problem:
    value: Any = error.instance
    if error.validator == "anyOf" and list(error.absolute_path)[-1:] == ["type"]:
        message = f"not a valid JSON Schema: there is no type {in_words(value)}{hint(value, _TYPES)}"
        return Problem(at, message, found=shown(value), expected=_TYPES)
    return Problem(at, f"not a valid JSON Schema: {error.message[:500]}", found=shown(value), expected=_rule(error))


def _rule(error: ValidationError) -> Any:
    """Return what a keyword of a metaschema asks for, where it is told in a word or a few."""
    rule: Any = error.validator_value
    words = rule if isinstance(rule, list) else [rule]
    return rule if all(isinstance(word, str | int) for word in words) else None


@cache
def _metaschema(dialect: type[Validator]) -> Validator:
    """Return the metaschema of a dialect with a linear `uniqueItems`.

    Its parts name no dialect: jsonschema would go on with its own for those that do.
    """
    linear: Any = validators.extend(dialect, {"uniqueItems": unique_items})  # type: ignore[no-untyped-call]
    schema = dialect.META_SCHEMA
    resolver = _METASCHEMAS.resolver(str(schema.get("$id", schema.get("id"))).removesuffix("#"))
    found: Validator = linear(_nameless(schema), format_checker=_formats(dialect), _resolver=resolver)
    return found


def _nameless(schema: Any) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$schema"}


def _without_dialect(resource: Resource[Any]) -> Resource[Any]:
    specification = specification_with(resource.contents["$schema"])
    return specification.create_resource(_nameless(resource.contents))


_METASCHEMAS: Registry[Any] = (
    Registry().with_resources((uri, _without_dialect(REGISTRY[uri])) for uri in REGISTRY).crawl()
)


def _formats(dialect: type[Validator]) -> FormatChecker:
    """Return the formats of a dialect but for `regex`: that is Python's, and patterns here are RE2's."""
    checker = FormatChecker(())
    checker.checkers = {name: check for name, check in dialect.FORMAT_CHECKER.checkers.items() if name != "regex"}
    return checker


class _Walk:
    """Visits every schema that can be evaluated, also what is one only because a reference leads there.

    Shapes may be wrong if `misshapen`: what the metaschema says of them is not said again.
    """

    def __init__(
        self, root: dict[str, Any], dialect: type[Validator], path: str, patterns: PatternBudget, misshapen: bool
    ) -> None:
        self._resolver = resolver_of(root, dialect)
        self._dialect = dialect
        self._root = root
        self._path = path
        self._budget = patterns
        self._misshapen = misshapen
        self._open: deque[tuple[dict[str, Any], str]] = deque([(root, path)])
        # The shallowest target first: what is below it is then known already.
        self._references: list[tuple[int, str, str, str]] = []
        # References are made of these very objects, which live as long as the root: their addresses name them.
        self._seen = {id(root)}
        self._has_patterns = False
        # jsonschema's own search for these matches patterns by `re`; that of evaluated.py does not.
        self._unevaluated: list[str] = []

    def problems(self) -> Iterator[Problem]:
        while self._open or self._references:
            if self._open:
                yield from self._visit(*self._open.popleft())
            else:
                yield from self._follow(*heapq.heappop(self._references)[1:])
        if self._has_patterns:
            for at in self._unevaluated:
                yield Problem(at, "unevaluatedProperties and patternProperties cannot both be in one schema")

    def _add(self, schema: Any, path: str) -> None:
        if isinstance(schema, dict) and id(schema) not in self._seen:
            self._seen.add(id(schema))
            self._open.append((schema, path))

    def _visit(self, schema: dict[str, Any], path: str) -> Iterator[Problem]:
        if schema is not self._root:
            for name in ("$id", "id", "$schema"):
                if isinstance(schema.get(name), str):
                    yield Problem(f"{path}/{name}", f"{name} is only allowed at the root of a schema")
        if "unevaluatedProperties" in schema:
            self._unevaluated.append(f"{path}/unevaluatedProperties")
        yield from self._patterns(schema, path)
        for keyword, value in schema.items():
            self._keyword(keyword, value, path + pointer(keyword))

    def _patterns(self, schema: dict[str, Any], path: str) -> Iterator[Problem]:
        by_name = schema.get("patternProperties")
        patterns = {}
        if isinstance(by_name, dict):
            self._has_patterns = self._has_patterns or bool(by_name)
            patterns = {path + pointer("patternProperties", pattern): pattern for pattern in by_name}
        if isinstance(schema.get("pattern"), str):
            patterns[f"{path}/pattern"] = schema["pattern"]
        for at, pattern in patterns.items():
            reason = self._budget.reason(pattern)
            if reason is not None:
                yield Problem(at, f"the pattern cannot be used: {reason}", found=pattern[:200])

    def _keyword(self, keyword: str, value: Any, path: str) -> None:
        if keyword in _REFERENCES and isinstance(value, str):
            heapq.heappush(self._references, (value.count("/"), path, keyword, value))
        elif isinstance(value, dict) and keyword in _NAMED:
            for name, schema in value.items():
                self._add(schema, path + pointer(name))
        elif isinstance(value, dict) and keyword in _ONE:
            self._add(value, path)
        elif isinstance(value, list) and keyword in _MANY:
            for i, schema in enumerate(value):
                self._add(schema, f"{path}/{i}")

    def _follow(self, path: str, keyword: str, target: str) -> Iterator[Problem]:
        if not target.startswith("#"):
            yield Problem(path, f"{keyword} must stay inside the document, like '#/$defs/name'", found=target[:200])
            return
        try:
            found = self._resolver.lookup(target).contents
        except _FAULTS as error:
            if isinstance(error, Unresolvable) or not self._misshapen:
                yield Problem(path, f"{keyword} leads nowhere", found=target[:200])
            return
        if not isinstance(found, dict | bool):
            yield Problem(path, f"{keyword} leads to something that is no schema", found=target[:200])
        elif isinstance(found, dict) and id(found) not in self._seen:
            at = self._path + unquote(target[1:]) if target.startswith("#/") else path
            yield from _against_metaschema(found, self._dialect, at)
            self._add(found, at)

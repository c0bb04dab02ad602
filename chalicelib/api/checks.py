"""JSON Schema problems of a request, said in sentences: which field, what was expected, what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from chalicelib.api.plain import escape
from chalicelib.engine.errors import Problem
from chalicelib.engine.hints import hint
from chalicelib.engine.values import text

_SHOWN_CHARACTERS = 100
_LONGEST_MESSAGE = 300


def _pattern(_: Validator, pattern: str, instance: Any, __: Mapping[str, Any]) -> Iterator[ValidationError]:
    """As OpenAPI means it: Python's `$` would also match before a line break at the end."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Checker: type[Validator] = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def validator(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Validator:
    """Return a validator of one schema of the OpenAPI document `root`, whose components it may refer to."""
    return _Checker({"components": root.get("components", {}), **schema})


def problems(checker: Validator, value: Any, path: str = "") -> list[Problem]:
    """Return all problems of a value, with their paths below `path`."""
    return [problem for error in checker.iter_errors(value) for problem in from_error(error, path)]


def from_error(error: ValidationError, path: str = "") -> Iterator[Problem]:
    """Yield what jsonschema says, in sentences; where it has more to say than one, in its own words."""
    at = path + "".join(f"/{escape(str(part))}" for part in error.absolute_path)
    expected: Any = error.validator_value
    found: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties" if "patternProperties" not in schema:
            known = sorted(schema.get("properties", {}))
            for name in sorted(set(found) - set(known)):
                message = f"unknown field {shown(name)}, expected {words(known)}{hint(name, known)}"
                short = name[:_SHOWN_CHARACTERS]
                yield Problem(f"{at}/{escape(name)}", message, found=short, expected=known, at_key=True)
        case "required":
            name = next((name for name in expected if f"'{name}'" in error.message), expected[0])
            yield Problem(f"{at}/{escape(name)}", f"field {name!r} is missing", expected=name)
        case _:
            wish = _wish(str(error.validator), expected)
            message = error.message[:_LONGEST_MESSAGE] if wish is None else f"expected {wish}, found {shown(found)}"
            yield Problem(at, message, found=_brief(found), expected=expected)


_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_UNITS = {"Length": "character", "Items": "item", "Properties": "member"}


def _wish(keyword: str, wanted: Any) -> str | None:
    """Return what a keyword asks for; None for one that says more than fits into words."""
    if keyword in _BOUNDS:
        return f"{_BOUNDS[keyword]} {wanted}"
    unit = _UNITS.get(keyword[3:])
    if unit is not None:
        return f"{'at least' if keyword.startswith('min') else 'at most'} {wanted} {unit}{'' if wanted == 1 else 's'}"
    match keyword:
        case "type":
            return words(wanted) if isinstance(wanted, list) else f"a value of type {wanted}"
        case "enum":
            return words(wanted)
        case "pattern":
            return f"text that matches {wanted}"
        case "const":
            return words([wanted])
        case "uniqueItems":
            return "items that are all different"
    return None


def words(values: list[Any]) -> str:
    """Return `a, b or c`."""
    texts = [value if isinstance(value, str) else text(value) for value in values]
    return " or ".join(part for part in (", ".join(texts[:-1]), texts[-1] if texts else "nothing") if part)


def shown(value: Any) -> str:
    """Return a value as a short text."""
    if value in ([], {}):
        return "an empty array" if value == [] else "an empty object"
    brief = _brief(value)
    return repr(brief) if isinstance(value, str) else str(brief)


def _brief(value: Any) -> Any:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value

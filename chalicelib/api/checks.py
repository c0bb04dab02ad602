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

_SHOWN_CHARACTERS = 100


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
    return [problem for error in checker.iter_errors(value) for problem in _from_error(error, path)]


def _from_error(error: ValidationError, path: str) -> Iterator[Problem]:
    at = path + "".join(f"/{escape(str(part))}" for part in error.absolute_path)
    expected: Any = error.validator_value
    found: Any = error.instance
    match error.validator:
        case "additionalProperties":
            schema: Any = error.schema
            known = sorted(schema.get("properties", {}))
            for name in sorted(set(found) - set(known)):
                message = f"unknown field {shown(name)}, expected {words(known)}"
                yield Problem(f"{at}/{escape(name)}", message, found=name[:_SHOWN_CHARACTERS], expected=known)
        case "required":
            name = next((name for name in expected if f"'{name}'" in error.message), expected[0])
            yield Problem(f"{at}/{name}", f"field {name!r} is missing", expected=name)
        case _:
            yield Problem(at, f"expected {_wish(error)}, found {shown(found)}", found=_brief(found), expected=expected)


def _wish(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            return words(wanted) if isinstance(wanted, list) else f"a value of type {wanted}"
        case "enum":
            return words(wanted)
        case "pattern":
            return f"text that matches {wanted}"
        case "minimum":
            return f"at least {wanted}"
        case "maximum":
            return f"at most {wanted}"
        case "maxLength":
            return f"at most {wanted} characters"
        case _:
            return f"{error.validator} {wanted}"


def words(values: list[str]) -> str:
    """Return `a, b or c`."""
    texts = [str(value) for value in values]
    return " or ".join(part for part in (", ".join(texts[:-1]), texts[-1] if texts else "nothing") if part)


def shown(value: Any) -> str:
    """Return a value as a short text."""
    brief = _brief(value)
    return repr(brief) if isinstance(value, str) else str(brief)


def _brief(value: Any) -> Any:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value

"""What is checked of a definition before anything is compiled: that all is JSON, and the shape of fields."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from chalicelib.engine import values
from chalicelib.engine.errors import Problem, pointer
from chalicelib.engine.expressions import Complain
from chalicelib.engine.hints import hint
from chalicelib.engine.lists import MAX_LEVELS, lists_in, type_of
from chalicelib.engine.shape import DEFINITION, UNKNOWN_STEP, step_schema
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import MAX_STEPS

MAX_DOCUMENT_BYTES = 1_048_576
MAX_PROBLEMS = 100
_SHOWN_LENGTH = 200
_DEFINITION = Draft202012Validator(DEFINITION)
_UNKNOWN_STEP = Draft202012Validator(UNKNOWN_STEP)
_STEPS = {name: Draft202012Validator(step_schema(step_type)) for name, step_type in STEP_TYPES.items()}


def check_json(document: Any) -> list[Problem]:
    """Return why a document cannot be looked into at all: too large, too deep, or no JSON."""
    found = next(_flaws(document), None)
    if found is not None:
        return [found]
    try:
        values.measure(document, "the definition", MAX_DOCUMENT_BYTES)
    except values.Unfit as error:
        return [Problem("", str(error))]
    return []


def _flaws(value: Any, path: str = "", depth: int = 0) -> Iterator[Problem]:
    if depth > values.MAX_DEPTH:
        yield Problem(_readable(path), f"nested more than {values.MAX_DEPTH} levels deep")
    elif isinstance(value, dict):
        for key, item in value.items():
            flaw = f"a key of type {type(key).__name__}" if not isinstance(key, str) else values.plain_flaw(key)
            if flaw is not None:
                yield Problem(_readable(path), f"keys must be text, found {flaw}")
            else:
                yield from _flaws(item, path + pointer(key), depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _flaws(item, f"{path}/{i}", depth + 1)
    else:
        flaw = values.plain_flaw(value)
        if flaw is not None:
            yield Problem(_readable(path), f"expected JSON, found {flaw}")


def _readable(path: str) -> str:
    """Return a path of bounded length: of a deep document it would be the document."""
    return path if len(path) <= 4 * _SHOWN_LENGTH else path[: 4 * _SHOWN_LENGTH] + "…"


def check_shape(document: Any) -> list[Problem]:
    """Return all problems with fields: unknown, missing, of the wrong type or out of bounds."""
    if not isinstance(document, dict):
        return [Problem("", "a definition must be an object", found=shown(document), expected="object")]
    problems = _problems(_DEFINITION, document, "")
    count = 0
    for found in lists_in(document):
        if found.level > MAX_LEVELS:
            problems.append(Problem(found.path, f"lists of steps may stand {MAX_LEVELS} deep inside each other"))
            continue
        for i, spec in enumerate(found.specs):
            count += 1
            if len(problems) > MAX_PROBLEMS:
                return problems
            problems += _check_step(spec, f"{found.path}/{i}")
    if count > MAX_STEPS:
        problems.append(Problem("/steps", f"a definition may have {MAX_STEPS} steps, found {count}", count, MAX_STEPS))
    return problems


def _check_step(spec: Any, path: str) -> list[Problem]:
    if not isinstance(spec, dict):
        return [Problem(path, "a step must be an object", found=shown(spec), expected="object")]
    kind = spec.get("type")
    if isinstance(kind, str) and kind in STEP_TYPES:
        return _problems(_STEPS[kind], spec, path)
    message = _unknown_type(kind) if "type" in spec else "field 'type' is missing"
    unknown = Problem(f"{path}/type", message, found=shown(kind), expected=sorted(STEP_TYPES))
    step_type = type_of(spec)
    validator = _UNKNOWN_STEP if step_type is None else _STEPS[step_type.name]
    return [unknown, *(p for p in _problems(validator, spec, path) if p.path != f"{path}/type")]


def _unknown_type(kind: Any) -> str:
    """Return what it may have been, else all that it could have been."""
    return f"unknown step type {in_words(kind)}" + (
        hint(kind, STEP_TYPES) or f", expected one of {', '.join(sorted(STEP_TYPES))}"
    )


def _problems(validator: Draft202012Validator, value: Any, path: str) -> list[Problem]:
    found = (problem for error in validator.iter_errors(value) for problem in _from_error(error, path))
    return list(islice(found, MAX_PROBLEMS + 1))


def _from_error(error: ValidationError, path: str) -> Iterator[Problem]:
    at = path + pointer(*error.absolute_path)
    rule: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "pattern":
        rule = rule.replace(r"\Z", "$")
    if "propertyNames" in error.absolute_schema_path:
        at += pointer(instance)
    match error.validator:
        case "additionalProperties":
            schema: Any = error.schema
            known = list(schema.get("properties", {}))
            for name in sorted(set(instance) - set(known)):
                short = name[:_SHOWN_LENGTH]
                message = f"unknown field {short!r}{hint(name, known)}"
                yield Problem(at + pointer(name), message, short, sorted(known), at_key=True)
        case "required":
            missing = [name for name in rule if name not in instance and f"'{name}'" in error.message]
            yield from (Problem(at + pointer(name), f"field {name!r} is missing", expected=name) for name in missing)
        case _:
            expected = _expected(str(error.validator), rule)
            yield Problem(at, f"expected {expected}, found {in_words(instance)}", shown(instance), rule)


def _expected(keyword: str, rule: Any) -> str:
    """Return in words what a keyword of shape.py asks for."""
    match keyword:
        case "type":
            return " or ".join(_A.get(kind, kind) for kind in ([rule] if isinstance(rule, str) else rule))
        case "enum":
            return f"one of {', '.join(map(str, rule))}"
        case "const":
            return values.text(rule)
        case "pattern":
            return f"text that matches {rule}"
        case "minimum":
            return f"at least {rule}"
        case "exclusiveMinimum":
            return f"more than {rule}"
        case "maximum":
            return f"at most {rule}"
    if keyword == "uniqueItems":
        return "items that are all different"
    unit = {"Length": "character", "Items": "item", "Properties": "member"}[keyword[3:]]
    return f"{'at least' if keyword.startswith('min') else 'at most'} {rule} {unit}{'' if rule == 1 else 's'}"


_A = {"array": "an array", "boolean": "a boolean", "integer": "a whole number", "null": "null"}
_A |= {"number": "a number", "object": "an object", "string": "text"}


def complaints(problems: list[Problem]) -> Complain:
    """Return what takes complaints down as problems."""

    def complain(path: str, message: str, found: Any = None, expected: Any = None) -> None:
        problems.append(Problem(path, message, shown(found), expected))

    return complain


def shown(value: Any) -> Any:
    """Return a value as a problem shows it: short."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"an array of {len(value)}"
    return value[:_SHOWN_LENGTH] if isinstance(value, str) else value


def in_words(value: Any) -> str:
    """Return a value as a sentence shows it: texts in quotes, what holds others described."""
    if isinstance(value, list):
        return f"an array of {len(value)} item{'' if len(value) == 1 else 's'}" if value else "an empty array"
    if isinstance(value, dict):
        return "an object"
    return repr(shown(value)) if isinstance(value, str) else values.text(value)

"""What is checked of a definition beside its expressions: the shape of every field, and the flow from step to step."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from chalicelib.engine.errors import Problem
from chalicelib.engine.shape import DEFINITION, step_schema
from chalicelib.engine.steps import STEP_TYPES

_DEFINITION = Draft202012Validator(DEFINITION)
_STEPS = {name: Draft202012Validator(step_schema(step_type)) for name, step_type in STEP_TYPES.items()}
_SHOWN_LENGTH = 200


def check_shape(document: Any) -> list[Problem]:
    """Return all problems with fields: unknown, missing, of the wrong type or out of bounds."""
    if not isinstance(document, dict):
        return [Problem("", "a definition must be an object", found=_shown(document), expected="object")]
    problems = [problem for error in _DEFINITION.iter_errors(document) for problem in _from_error(error, "")]
    steps = document.get("steps")
    for i, spec in enumerate(steps if isinstance(steps, list) else []):
        problems += _check_step(spec, f"/steps/{i}")
    return problems


def _check_step(spec: Any, path: str) -> list[Problem]:
    if not isinstance(spec, dict):
        return [Problem(path, "a step must be an object", found=_shown(spec), expected="object")]
    kind = spec.get("type")
    if not isinstance(kind, str) or kind not in STEP_TYPES:
        message = "type is missing" if "type" not in spec else "unknown step type" + _hint(kind, STEP_TYPES)
        return [Problem(f"{path}/type", message, found=_shown(kind), expected=sorted(STEP_TYPES))]
    return [problem for error in _STEPS[kind].iter_errors(spec) for problem in _from_error(error, path)]


def _from_error(error: ValidationError, path: str) -> Iterator[Problem]:
    at = path + "".join(f"/{_escape(str(part))}" for part in error.absolute_path)
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for name in sorted(set(error.instance) - set(known)):
                message = "unknown field" + _hint(name, known)
                yield Problem(f"{at}/{_escape(name)}", message, found=name, expected=sorted(known))
        case "required":
            for name in error.validator_value:
                if name not in error.instance and f"'{name}'" in error.message:
                    yield Problem(f"{at}/{_escape(name)}", "field is missing", expected=name)
        case "type" | "enum" | "pattern" | "minimum" | "maximum" | "exclusiveMinimum" | "minLength" | "maxLength":
            message = f"{_words(error)}, found {_shown(error.instance)!r}"
            yield Problem(at, message, found=_shown(error.instance), expected=error.validator_value)
        case _:
            yield Problem(at, error.message[:500], found=_shown(error.instance))


def _words(error: ValidationError) -> str:
    value = error.validator_value
    match error.validator:
        case "type":
            return "expected " + (" or ".join(value) if isinstance(value, list) else value)
        case "enum":
            return f"expected one of {', '.join(map(str, value))}"
        case "pattern":
            return f"expected text that matches {value}"
        case _:
            return f"expected {error.validator} {value}"


def check_flow(document: Mapping[str, Any], skip: frozenset[int] = frozenset()) -> list[Problem]:
    """Return all problems of ids, targets, reachability, ends and endless loops.

    Steps whose index is in `skip` have a wrong shape: they are only known as targets, and paths are not followed.
    """
    steps = document["steps"]
    ids: dict[str, int] = {}
    problems: list[Problem] = []
    for i, spec in enumerate(steps):
        step_id = spec.get("id") if isinstance(spec, dict) else None
        if isinstance(step_id, str):
            if step_id in ids:
                problems.append(Problem(f"/steps/{i}/id", f"id is used by step {ids[step_id]} already", found=step_id))
            ids.setdefault(step_id, i)
    for i, spec in enumerate(steps):
        if i not in skip:
            problems += _check_end(spec, f"/steps/{i}") + _check_targets(spec, f"/steps/{i}", ids)
    if not problems and not skip:
        problems += _unreachable(steps, ids)
        problems += _endless(document, ids)
    return problems


def _check_targets(spec: Mapping[str, Any], path: str, ids: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(f"{path}{pointer}", f"there is no step {target!r}{_hint(target, ids)}", found=target)
        for pointer, target in targets(spec)
        if target not in ids
    ]


def _check_end(spec: Mapping[str, Any], path: str) -> list[Problem]:
    step_type = STEP_TYPES[spec["type"]]
    found = [name for name in ("next", "end") if name in spec]
    if step_type.ends or step_type.jumps:
        return [Problem(f"{path}/{name}", f"{name} does not belong to a {step_type.name}") for name in found]
    if len(found) != 1:
        return [Problem(path, "a step needs either next or end: true", found=found, expected=["next", "end"])]
    return []


def targets(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return `(pointer, step id)` of every step that a step can lead to."""
    found = [("/next", spec["next"])] if "next" in spec else []
    found += STEP_TYPES[spec["type"]].targets(spec)
    return found + [(f"/catch/{i}/next", entry["next"]) for i, entry in enumerate(spec.get("catch", []))]


def _unreachable(steps: list[Any], ids: Mapping[str, int]) -> list[Problem]:
    seen: set[str] = set()
    open_ids = [steps[0]["id"]]
    while open_ids:
        step_id = open_ids.pop()
        if step_id not in seen:
            seen.add(step_id)
            open_ids.extend(target for _, target in targets(steps[ids[step_id]]))
    return [
        Problem(f"/steps/{i}", "no step leads here", found=spec["id"])
        for i, spec in enumerate(steps)
        if spec["id"] not in seen
    ]


def _endless(document: Mapping[str, Any], ids: Mapping[str, int]) -> list[Problem]:
    """Return a problem when pure steps alone form a cycle and nobody wrote how often it may turn."""
    if "maxTransitions" in document:
        return []
    steps = document["steps"]
    pure = {spec["id"]: spec for spec in steps if STEP_TYPES[spec["type"]].pure}
    leading = {name: [t for _, t in targets(spec) if t in pure] for name, spec in pure.items()}
    while True:  # take away, again and again, what leads to no pure step: what stays lies on or before a cycle
        ends = [name for name, following in leading.items() if not any(target in leading for target in following)]
        if not ends:
            break
        for name in ends:
            del leading[name]
    if not leading:
        return []
    first = min(leading, key=lambda name: ids[name])
    message = f"a cycle of steps that take no time begins at {first!r}: write maxTransitions, so that it ends"
    return [Problem("/maxTransitions", message, expected="a number of step attempts")]


def _hint(found: Any, known: Any) -> str:
    close = difflib.get_close_matches(str(found), list(known), 1)
    return f", did you mean {close[0]!r}?" if close else ""


def _shown(value: Any) -> Any:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return value[:_SHOWN_LENGTH] if isinstance(value, str) else value


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

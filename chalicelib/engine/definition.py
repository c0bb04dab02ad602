"""Definitions: a posted document → a frozen, compiled Definition, or all its problems at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.broken import broken_problems
from chalicelib.engine.checks import MAX_PROBLEMS, check_json, check_shape, complaints
from chalicelib.engine.errors import DefinitionInvalid, Problem
from chalicelib.engine.expressions import Complain, Template, compile_template
from chalicelib.engine.flow import check_flow
from chalicelib.engine.lists import StepList, lists_in, step_at
from chalicelib.engine.patterns import PatternBudget
from chalicelib.engine.schedules import Schedule, compile_schedules
from chalicelib.engine.schemas import InputSchema, compile_schema
from chalicelib.engine.steps import STEP_TYPES
from chalicelib.engine.steps.base import SCOPE, Compiler, Enter, StepType

DEFAULT_MAX_TRANSITIONS = 10_000


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how often a failed attempt is made again; `max_attempts` counts the first one too."""

    errors: tuple[str, ...]
    max_attempts: int = 3
    interval_seconds: float = 1.0
    backoff_rate: float = 2.0
    max_interval_seconds: float = 3600.0
    full_jitter: bool = False


@dataclass(frozen=True, slots=True)
class Catch:
    """Where a failed step goes on, and what is kept of the error."""

    errors: tuple[str, ...]
    next: str
    stash: Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class Step:
    """One compiled step. `input` and `output` are None where the author wrote none; `spec` is what was written.

    `branches` are the first steps of the lists inside it, and `needs` says which large names these use: `stash`,
    `execution.input`. `answer_schema` is what the answer of a person must pass. `within` is the
    list in which it stands, as StepList says.
    """

    id: str
    type: StepType
    enter: Enter
    next: str | None
    input: Template | None
    output: Template | None
    stash: Mapping[str, Template]
    retry: tuple[Retry, ...]
    catch: tuple[Catch, ...]
    timeout_seconds: float | None
    heartbeat_seconds: float | None = None
    branches: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    answer_schema: InputSchema | None = None
    within: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """One immutable version of a definition, ready to be decided on. `steps` holds those of inner lists too, by id."""

    id: str
    version: int
    start: str
    steps: Mapping[str, Step]
    output: Template | None
    timeout_seconds: float | None
    max_transitions: int
    input_schema: InputSchema
    retention_days: int | None = None
    schedules: tuple[Schedule, ...] = ()

    def input_problem(self, value: Any) -> str | None:
        """Return jsonschema's full text about an input that does not pass `inputSchema`, else None."""
        return self.input_schema.problem(value)


def parse(document: Any, version: int = 0) -> Definition:
    """Check a document and compile it. Raises DefinitionInvalid with all problems, each with its JSON Pointer."""
    problems = check_json(document)
    if problems:
        raise DefinitionInvalid(problems)
    problems = check_shape(document)
    if not isinstance(document, dict) or len(problems) > MAX_PROBLEMS:  # what was not looked at may be wrong as well
        raise DefinitionInvalid(_worth_saying(problems))
    complain = complaints(problems)
    bad = {problem.path for problem in problems}
    broken = frozenset(path for problem in problems if (path := step_at(problem.path)) is not None)
    patterns = PatternBudget()
    steps = _compile_steps(document, broken, complain, patterns)
    if steps or broken:
        problems += check_flow(document, broken)
    problems += broken_problems(document, broken, bad, patterns)
    output = _optional(document, "output", SCOPE | {"output"}, "/output", complain)
    input_schema = {} if "/inputSchema" in bad else document.get("inputSchema", {})
    schema = compile_schema(input_schema, "/inputSchema", problems, patterns)
    schedules = compile_schedules(document, bad, schema, problems)
    if problems:
        raise DefinitionInvalid(_worth_saying(problems))
    return Definition(
        id=document["id"],
        version=version,
        start=document["steps"][0]["id"],
        steps=MappingProxyType({step.id: step for step in steps}),
        output=output,
        timeout_seconds=document.get("timeoutSeconds"),
        max_transitions=int(document.get("maxTransitions", DEFAULT_MAX_TRANSITIONS)),
        input_schema=schema,
        retention_days=_whole(document.get("retentionDays")),
        schedules=schedules,
    )


def _whole(number: float | None) -> int | None:
    """Return a whole number, also of one that is written 1.0."""
    return None if number is None else int(number)


def _worth_saying(problems: list[Problem]) -> list[Problem]:
    """Return the problems, but for those that nobody would read to the end."""
    if len(problems) <= MAX_PROBLEMS:
        return problems
    return [*problems[:MAX_PROBLEMS], Problem("", f"and more: only the first {MAX_PROBLEMS} problems are listed")]


def _compile_steps(
    document: Mapping[str, Any], broken: frozenset[str], complain: Complain, patterns: PatternBudget
) -> list[Step]:
    """Compile the steps of all lists whose shape is right; `broken` has the paths of the others."""
    return [
        _compile_step(spec, f"{found.path}/{i}", found, complain, patterns)
        for found in lists_in(document)
        for i, spec in enumerate(found.specs)
        if f"{found.path}/{i}" not in broken
    ]


def _compile_step(
    spec: Mapping[str, Any], path: str, within: StepList, complain: Complain, patterns: PatternBudget
) -> Step:
    step_type, names = STEP_TYPES[spec["type"]], within.names
    after = names | {"output"}
    inner = [steps for _, steps in step_type.lists(spec)]
    return Step(
        id=spec["id"],
        type=step_type,
        enter=step_type.compile(spec, Compiler(path, complain, names)),
        next=spec.get("next"),
        input=_optional(spec, "input", names, f"{path}/input", complain),
        output=_optional(spec, "output", after, f"{path}/output", complain),
        stash=_members(spec.get("stash", {}), after, f"{path}/stash", complain),
        retry=tuple(_retry(entry) for entry in spec.get("retry", [])),
        catch=tuple(
            _catch(entry, f"{path}/catch/{i}", names, complain) for i, entry in enumerate(spec.get("catch", []))
        ),
        timeout_seconds=spec.get("timeoutSeconds", step_type.default_timeout_seconds),
        heartbeat_seconds=spec.get("heartbeatSeconds"),
        branches=tuple(_first_id(steps) for steps in inner),
        needs=_needs(inner),
        answer_schema=_answer_schema(spec, path, complain, patterns) if step_type.answered else None,
        within=within.within,
        spec=spec,
    )


def _first_id(steps: list[Any]) -> str:
    first = steps[0]
    return str(first.get("id", "")) if isinstance(first, dict) else ""


def _needs(inner: list[list[Any]]) -> frozenset[str]:
    """Return which large names inner steps may use; a guess may only be wrong on the safe side."""
    text = values.text(inner) if inner else ""
    found = {"stash"} if "stash" in text else set()
    if _WHOLE_EXECUTION.search(text) or _ANY_ROOT.search(text):
        found |= {"stash", "execution.input"} if _ANY_ROOT.search(text) else {"execution.input"}
    return frozenset(found)


_WHOLE_EXECUTION = re.compile(r"execution(?!\.(?:id|tenantId|definitionId|version|name|startedAt)\b)")
_ANY_ROOT = re.compile(r"\\\\u|@|\*|\$\{\s*\[|values\(|keys\(")


def _answer_schema(spec: Mapping[str, Any], path: str, complain: Complain, patterns: PatternBudget) -> InputSchema:
    problems: list[Problem] = []
    schema = compile_schema(spec.get("inputSchema", {}), f"{path}/inputSchema", problems, patterns)
    for problem in problems:
        complain(problem.path, problem.message, problem.found, problem.expected)
    return schema


def _retry(entry: Mapping[str, Any]) -> Retry:
    return Retry(
        errors=tuple(entry["errors"]),
        max_attempts=int(entry.get("maxAttempts", 3)),
        interval_seconds=entry.get("intervalSeconds", 1.0),
        backoff_rate=entry.get("backoffRate", 2.0),
        max_interval_seconds=entry.get("maxIntervalSeconds", 3600.0),
        full_jitter=entry.get("jitter") == "full",
    )


def _catch(entry: Mapping[str, Any], path: str, names: frozenset[str], complain: Complain) -> Catch:
    stash = _members(entry.get("stash", {}), names | {"error"}, f"{path}/stash", complain)
    return Catch(errors=tuple(entry["errors"]), next=entry["next"], stash=stash)


def _members(spec: Mapping[str, Any], names: frozenset[str], path: str, complain: Complain) -> Mapping[str, Template]:
    return {name: compile_template(value, names, f"{path}/{name}", complain) for name, value in spec.items()}


def _optional(
    spec: Mapping[str, Any], field: str, names: frozenset[str], path: str, complain: Complain
) -> Template | None:
    return compile_template(spec[field], names, path, complain) if field in spec else None

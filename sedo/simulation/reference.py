"""A naive interpreter: one page that says how an execution must end, knowing no message, no head and no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sedo.simulation.scenarios import Scenario, answer_of, result_of

GIVEN_UP = "Sedo.ProcessingFailed"


@dataclass
class Expected:
    """How an execution ends: `visits` are (step, attempts made, error or None) in order."""

    state: str
    output: Any
    error: str | None
    visits: list[tuple[str, int, str | None]]


def interpret(  # noqa: C901 - one page, read from top to bottom
    scenario: Scenario, input: dict[str, Any], given_up: Mapping[int, int]
) -> Expected:
    """Run a scenario on its input. `given_up` maps a visit to the attempt at which its processing was given up."""
    document, steps = scenario.document, {step["id"]: step for step in scenario.document["steps"]}
    limit = document["maxTransitions"]
    visits: list[tuple[str, int, str | None]] = []
    stash: dict[str, Any] = {}
    received: Any = input
    name = document["steps"][0]["id"]
    transitions = 0
    while True:
        if transitions >= limit:
            return Expected("ExecutionFailed", None, "Execution.TooManyTransitions", visits)
        transitions += 1
        step, meaning = steps[name], scenario.meaning[name]
        if "input" in meaning:
            received = _value(meaning["input"], stash, None, None)
        attempt, visit = 1, len(visits) + 1
        while True:
            error, raw, following = _attempt(step, meaning, input, received, stash, visit, attempt)
            if given_up.get(visit) == attempt:
                error = GIVEN_UP
            if error is None or step["type"] == "fail":
                break
            policy = next((entry for entry in step.get("retry", ()) if covers(entry["errors"], error)), None)
            if policy is None or attempt >= policy["maxAttempts"] or error == GIVEN_UP:
                break
            if transitions >= limit:
                visits.append((name, attempt, error))
                return Expected("ExecutionFailed", None, "Execution.TooManyTransitions", visits)
            transitions += 1
            attempt += 1
        visits.append((name, attempt, error))
        if error is not None:
            catch = next((entry for entry in step.get("catch", ()) if covers(entry["errors"], error)), None)
            if catch is None or step["type"] == "fail":
                return Expected("ExecutionFailed", None, error, visits)
            if "stash" in catch:
                stash = stash | {key: _value(v, stash, None, error) for key, v in meaning["catch_stash"].items()}
            name = catch["next"]
            continue
        output = _value(meaning["output"], stash, raw, None) if "output" in meaning else raw
        stash = stash | {key: _value(value, stash, raw, None) for key, value in meaning.get("stash", {}).items()}
        if following is None:
            return Expected("ExecutionSucceeded", stash if "output" in document else output, None, visits)
        name, received = following, output


def _attempt(
    step: dict[str, Any],
    meaning: dict[str, Any],
    input: dict[str, Any],
    received: Any,
    stash: dict[str, Any],
    visit: int,
    attempt: int,
) -> tuple[str | None, Any, str | None]:
    """Return (error, raw result, next step) of one attempt."""
    following = step.get("next")
    if meaning.get("broken"):
        return "Expression.Failed", None, None
    if step["type"] == "fail":
        return step["error"], None, None
    if step["type"] == "wait":
        late = step.get("timeoutSeconds", meaning["seconds"]) < meaning["seconds"]
        return ("Task.Timeout" if late else None), received, following
    if step["type"] in ("http", "lambda", "queue"):
        answer = answer_of(input["script"], visit, attempt, step.get("timeoutSeconds", 30))
        result = result_of(step["type"], visit)
        return (GIVEN_UP if answer.poison else answer.error), result, following
    if step["type"] == "choice":
        for (kind, *rest), target in meaning["arms"]:
            left = stash.get(rest[0], 0) if kind == "below" else input["k"]
            if left < rest[-1]:
                return None, received, target
        following = meaning.get("default")
        return ("Choice.NoMatch" if following is None else None), received, following
    return None, received, following


def covers(patterns: list[str], error: str) -> bool:
    """Say whether an error is one of those that a retry or a catch names."""
    for pattern in patterns:
        if pattern in ("*", error) or error.startswith(pattern + "."):
            return True
        if pattern in ("Http.4xx", "Http.5xx") and error[:6] == pattern[:6] and error[5:].isdigit():
            return True
    return False


def _value(value: tuple[Any, ...], stash: dict[str, Any], raw: Any, error: str | None) -> Any:
    match value:
        case ("const", constant):
            return constant
        case ("visit-of-body",):
            return raw["body"]["visit"]
        case ("message-id",):
            return raw["messageId"]
        case ("count", name):
            return stash.get(name, 0) + 1
        case ("stash",):
            return stash
        case ("error",):
            return error
    raise AssertionError(value)

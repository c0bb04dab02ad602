"""The error tree: every name that a definition can catch, and the exceptions of the engine itself.

Http.<status>  Http.5xx  Http.4xx  Http.ConnectionFailed      http steps
Http.Forbidden  Http.TooManyRedirects                         http steps: an address or a chain that is not allowed
Lambda.<errorType>  Lambda.Forbidden                          lambda steps: what the function raised; not one to call
Queue.<code>  Queue.NotFound  Queue.Forbidden                 queue steps
Secrets.NotFound  Secrets.Unavailable                         a secret that a call needs cannot be had
Task.Failed  Task.Timeout  Task.HeartbeatTimeout              a call or task that fails, takes too long, or is silent
Input.Invalid  Definition.Unknown  Execution.TooDeep          an `execute` that cannot start its child
Branch.Stopped                                                in history alone: a neighbour's failure ended a branch
Choice.NoMatch                                                a choice with no match and no default
Expression.Failed                                             a ${ … } that could not be evaluated
Data.TooLarge  Data.Invalid                                   a value beyond what may be recorded, or that is no JSON
Sedo.ProcessingFailed                                         processing was given up (dead letters, no definition)
Execution.Timeout  Execution.TooManyTransitions               ends of the whole execution, not catchable
and whatever `fail` steps name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CHOICE_NO_MATCH = "Choice.NoMatch"
DATA_INVALID = "Data.Invalid"
DATA_TOO_LARGE = "Data.TooLarge"
EXECUTION_TIMEOUT = "Execution.Timeout"
EXPRESSION_FAILED = "Expression.Failed"
PROCESSING_FAILED = "Sedo.ProcessingFailed"
SECRETS_NOT_FOUND = "Secrets.NotFound"
SECRETS_UNAVAILABLE = "Secrets.Unavailable"
TASK_FAILED = "Task.Failed"
TASK_TIMEOUT = "Task.Timeout"
BRANCH_STOPPED = "Branch.Stopped"
CANCELLED = "Execution.Cancelled"
DEFINITION_UNKNOWN = "Definition.Unknown"
HEARTBEAT_TIMEOUT = "Task.HeartbeatTimeout"
INPUT_INVALID = "Input.Invalid"
TOO_DEEP = "Execution.TooDeep"
TOO_MANY_TRANSITIONS = "Execution.TooManyTransitions"
RESERVED = ("Sedo", "Execution")
"""Families of errors that the engine alone raises."""
_NAME = re.compile(r"[^\s.*\x00-\x1f\x7f]+(\.[^\s.*\x00-\x1f\x7f]+)*")
_NAME_EXPECTED = "words without blanks and *, joined by dots, like Order.Refused"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or an execution failed: a name of the tree, a sentence, and the step it belongs to."""

    name: str
    cause: str
    step: str | None = None

    def document(self) -> dict[str, Any]:
        """Return `{name, cause, step}` as definitions, history and the API see it."""
        return {"name": self.name, "cause": self.cause, "step": self.step}


def matches(patterns: Sequence[str], name: str) -> bool:
    """Say whether an error `name` is covered: by `*`, itself, a prefix (`Http`), or a status class (`Http.5xx`)."""
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    if pattern in ("*", name) or name.startswith(pattern + "."):
        return True
    return pattern in ("Http.4xx", "Http.5xx") and name.startswith(pattern[:6]) and name[5:].isdigit()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: a JSON Pointer, a sentence, and what was found and expected where that helps.

    `at_key`: what is wrong is the last name in the pointer, and not the value below it.
    """

    path: str
    message: str
    found: Any = None
    expected: Any = None
    line: int | None = None
    column: int | None = None
    at_key: bool = False

    def document(self) -> dict[str, Any]:
        """Return the problem as the API shows it, without the members that are not known."""
        known = {"found": self.found, "expected": self.expected, "line": self.line, "column": self.column}
        return {"path": self.path, "message": self.message} | {k: v for k, v in known.items() if v is not None}


def outside_name_problem(name: str, path: str) -> Problem | None:
    """Return what is wrong with the name of an error that comes from outside: none at all, or one of the engine's."""
    if _NAME.fullmatch(name) is None:
        return Problem(path, f"expected {_NAME_EXPECTED}, found {name!r:.200}", name[:200], _NAME_EXPECTED)
    if matches(RESERVED, name):
        families = " and ".join(f"{family}.*" for family in RESERVED)
        return Problem(path, f"{families} are errors of sedo's own, found {name!r:.200}", name[:200], "another name")
    return None


def pointer(*parts: str | int) -> str:
    """Return a JSON Pointer (RFC 6901) of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class SedoError(Exception):
    """Root of what sedo raises on purpose."""


@dataclass
class DefinitionInvalid(SedoError):
    """A definition that cannot be accepted, with all its problems."""

    problems: Sequence[Problem] = field(default_factory=tuple)

    def __str__(self) -> str:
        return "; ".join(f"{p.path or '/'}: {p.message}" for p in self.problems)


class ExpressionFailed(SedoError):
    """A template that could not be evaluated on the data it met."""


class UnsupportedHead(SedoError):
    """A stored execution that this code cannot read: written by a newer version, or damaged."""

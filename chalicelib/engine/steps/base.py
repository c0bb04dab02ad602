"""What a step type is: the JSON Schema of its own fields, and a compile step that gives its behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.expressions import Scope, Template, compile_template

SCOPE = frozenset({"input", "stash", "execution"})


@dataclass(frozen=True, slots=True)
class Done:
    """The step succeeded. `passes` hands on the step's input; else `value` is its raw result.

    `details` go into history.
    """

    value: Any = None
    passes: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """The step ends by itself at a moment."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """The step needs an outside call, which the runner of `type` performs."""

    type: str
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The execution succeeds here with this output."""

    output: Any


@dataclass(frozen=True, slots=True)
class Fail:
    """The step fails; `final` ones are what the author asked for and end the execution."""

    error: str
    cause: str
    final: bool = False


Outcome = Done | Sleep | Call | End | Fail
Enter = Callable[[Scope, int], Outcome]
"""Enter a step at a moment (milliseconds). Must be pure: it is asked again when an attempt is driven."""


class Compiler:
    """Compiles the templates of one step and hears all their problems."""

    def __init__(self, path: str, complain: Callable[[str, str], None]) -> None:
        self.path = path
        self.complain = complain

    def template(self, value: Any, at: str, extra: frozenset[str] = frozenset()) -> Template:
        """Compile a field of the step; `at` is its JSON Pointer below the step."""
        return compile_template(value, SCOPE | extra, self.path + at, self.complain)


@dataclass(frozen=True, slots=True)
class StepType:
    """One entry of the registry.

    `properties` and `required` are JSON Schema of the type's own fields, `refused` the common fields that mean nothing
    there. `ends` says that neither `next` nor `end` belongs there. `pure` ones take no time and reach nothing.
    `targets` lists the steps it may jump to by itself, with their JSON Pointers.
    """

    name: str
    properties: Mapping[str, Any]
    compile: Callable[[Mapping[str, Any], Compiler], Enter]
    required: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    pure: bool = True
    ends: bool = False
    jumps: bool = False
    targets: Callable[[Mapping[str, Any]], list[tuple[str, str]]] = lambda _spec: []
    default_timeout_seconds: float | None = None
    max_timeout_seconds: float | None = None

"""What a step type is: the JSON Schema of its own fields, and a compile step that gives its behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.expressions import Complain, Scope, Template, compile_template

SCOPE = frozenset({"input", "stash", "execution"})
# \Z and not $, which in Python also stands before a newline at the end.
DEFINITION_ID = r"^[a-z0-9][a-z0-9-]{0,63}\Z"
MAX_STEPS = 500
STEPS: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": MAX_STEPS}
"""The shape of a list of steps; each step in it is checked by its own type."""


@dataclass(frozen=True, slots=True)
class Done:
    """The step succeeded. `passes` hands on the step's input; else `value` is its raw result.

    `details` go into history; `child` is an execution that it started and does not wait for.
    """

    value: Any = None
    passes: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    next: str | None = None
    child: str | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """The step ends by itself at a moment."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """The step needs an outside call, which the runner of `type` performs.

    `child` is the number of the child execution that the call may start, None for any other call.
    """

    type: str
    request: dict[str, Any]
    child: int | None = None


@dataclass(frozen=True, slots=True)
class Park:
    """The step waits for somebody: `waits` is `task`, `signal` or `child`, `held` what the wait is about."""

    waits: str
    held: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fan:
    """The step goes several ways at once, one for each of `inputs`.

    `items` says that they are the items of a map, which are known by that name. At most `quota` run at a time (None:
    all). `allowed` of them may fail, or else `tolerated_percentage`. The first one is number `offset` of the whole.
    """

    inputs: Sequence[Any]
    items: bool = False
    quota: int | None = None
    tolerated_percentage: float = 0.0
    allowed: int | None = None
    offset: int = 0


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


Outcome = Done | Sleep | Call | Park | Fan | End | Fail
Enter = Callable[[Scope, int], Outcome]
"""Enter a step at a moment (milliseconds). Must be pure: it is asked again when an attempt is driven."""


class Compiler:
    """Compiles the templates of one step, which know `names`, and hears all their problems."""

    def __init__(self, path: str, complain: Complain, names: frozenset[str] = SCOPE) -> None:
        self.path = path
        self.complain = complain
        self.names = names

    def template(self, value: Any, at: str, extra: frozenset[str] = frozenset()) -> Template:
        """Compile a field of the step; `at` is its JSON Pointer below the step."""
        return compile_template(value, self.names | extra, self.path + at, self.complain)


@dataclass(frozen=True, slots=True)
class StepType:
    """One entry of the registry.

    `properties` and `required` are JSON Schema of the type's own fields, `refused` the common fields that mean nothing
    there. `ends` says that neither `next` nor `end` belongs there. `pure` ones take no time and reach nothing.
    `targets` lists the steps it may jump to by itself, with their JSON Pointers; `lists` the lists of steps inside it,
    in which `list_names` are known too.
    `after` says what the answer of its call comes to, where that is not its result. `tokens` may be handed out by its
    call. `answered` ones have an `inputSchema` for the answer.
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
    lists: Callable[[Mapping[str, Any]], list[tuple[str, list[Any]]]] = lambda _spec: []
    list_names: frozenset[str] = frozenset()
    after: Callable[[Any], Outcome] | None = None
    tokens: bool = False
    answered: bool = False
    default_timeout_seconds: float | None = None
    max_timeout_seconds: float | None = None

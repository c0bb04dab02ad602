"""What can happen to an execution: the second argument of every decision.

`by` names what is being processed (a message's nonce); cursors made by a decision remember it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.engine.effects import TaskResult


@dataclass(frozen=True, slots=True)
class Cover:
    """Leave to go on within this invocation: new cursors keep `token`, and outside calls must end by `until_ms`."""

    token: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message with a live token has come. Without `cover`, what follows is handed to a fresh message."""

    token: str
    by: str
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class Performed:
    """An outside call of this visit and attempt, on this path, has ended; one about a child was made in a `life`."""

    visit: int
    attempt: int
    result: TaskResult
    by: str
    cover: Cover | None = None
    path: str = ""
    life: int = 1


@dataclass(frozen=True, slots=True)
class AllPerformed:
    """Several outside calls, made side by side, have ended."""

    results: tuple[Performed, ...]
    by: str
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """The invocation's time is over before all calls under its token were made: a fresh message takes them.

    Those on the paths `open` are still being made, and stay where they are.
    """

    token: str
    by: str
    open: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChildrenEnded:
    """Children have ended: `children` are (token under which it is told, what it came to).

    What a child came to is `{id, state, output?, error?}`.
    """

    children: tuple[tuple[str, dict[str, Any]], ...]
    by: str
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody answers a task: with a value, or with an error's name and its cause."""

    visit: int
    attempt: int
    answer: TaskResult
    actor: str
    by: str


@dataclass(frozen=True, slots=True)
class Beat:
    """Whoever works on a task says that the work goes on."""

    visit: int
    attempt: int
    by: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A person takes a task (`claimed`) or gives it back."""

    visit: int
    attempt: int
    actor: str
    claimed: bool
    by: str


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal has come; `id` is the caller's name for it, under which it counts once."""

    name: str
    payload: Any
    id: str | None
    actor: str
    by: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """A caller wants an ended execution to go on from what failed, on this version of its definition.

    `life` is set by a parent that is redriven itself: the child's ends count from that one on.
    """

    version: int
    actor: str
    by: str
    life: int | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody looks at the head because of its moment `due_at_ms`: everything that is due in it is done."""

    by: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A caller wants the execution to end, for a cause."""

    cause: str | None
    actor: str
    by: str


@dataclass(frozen=True, slots=True)
class ProcessingGivenUp:
    """Processing of a token was given up for good (dead letters without end, a definition that is gone)."""

    token: str
    cause: str
    by: str


Event = (
    Arrived
    | Performed
    | AllPerformed
    | TimeIsUp
    | ChildrenEnded
    | Answered
    | Beat
    | Claimed
    | Signalled
    | Redriven
    | Looked
    | CancelRequested
    | ProcessingGivenUp
)

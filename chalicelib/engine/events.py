"""What can happen to an execution: the second argument of every decision.

`by` names what is being processed (a message's nonce); cursors made by a decision remember it.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """An outside call of this visit and attempt has ended."""

    visit: int
    attempt: int
    result: TaskResult
    by: str
    cover: Cover | None = None


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


Event = Arrived | Performed | Looked | CancelRequested | ProcessingGivenUp

"""The working copy of one decision: an execution that changes until it is frozen again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.engine.effects import Send
from chalicelib.engine.errors import Failure
from chalicelib.engine.events import Cover
from chalicelib.engine.execution import NEVER_MS, TERMINAL, Cursor, Execution, State
from chalicelib.engine.history import EventType, HistoryEvent, timestamp
from chalicelib.engine.places import SWEEP, child_of
from chalicelib.engine.records import replace
from chalicelib.engine.volume import Volume

EARLY_MS = 2000
"""A driver that comes up to so much early (clock skew) counts as due."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The intervals of the protocol; a silent child is looked at after `look_ms`, then at doubling intervals.

    Delays beyond `max_delay_ms` (what a queue can do) are left to the `due` index.
    """

    watch_ms: int = 900_000
    api_watch_ms: int = 60_000
    max_delay_ms: int = 900_000
    look_ms: int = 900_000


class Draft:
    """One decision at work on one execution; `by` and `watch_ms` go into every cursor it makes.

    `cursors` are by path. `cover` is leave to go on within this invocation. `snapshot` are the cursors as they were
    before the failure of a branch stopped its neighbours: an end that follows from it keeps them.
    """

    def __init__(
        self,
        execution: Execution,
        now_ms: int,
        by: str,
        watch_ms: int,
        policy: Policy,
        cover: Cover | None = None,
    ) -> None:
        self.base = execution
        self.now_ms = now_ms
        self.by = by
        self.watch_ms = watch_ms
        self.policy = policy
        self.cover = cover
        self.state = execution.state
        self.step = execution.step
        self.output = execution.output
        self.error = execution.error
        self.stash = execution.stash
        self.cursors = {cursor.path: cursor for cursor in execution.cursors}
        self.visits = execution.visits
        self.transitions = execution.transitions
        self.seq = execution.seq
        self.signals = execution.signals
        self.signal_ids = execution.signal_ids
        self.ending = execution.ending
        self.kept: tuple[Cursor, ...] = ()
        self.life = execution.life
        self.ended_at_ms: int | None = None
        self.events = list(execution.events)
        self.volume = Volume(execution)
        self.snapshot: tuple[Cursor, ...] | None = None
        self._shared_token: str | None = None
        self._tokens_before = {cursor.token for cursor in execution.cursors}
        self._tokens_at: dict[int, str] = {}
        self.shown_execution = execution.shown or shown(execution)

    @property
    def ended(self) -> bool:
        """Whether this decision (or an earlier one) has ended the execution, be it that children must still be told."""
        return self.ending is not None or self.state in TERMINAL

    def record(self, kind: EventType, details: dict[str, Any], at: Cursor | None = None) -> None:
        """Add a history event, at a cursor's step visit or of the whole execution."""
        self.seq += 1
        if at is None:
            event = HistoryEvent(self.seq, self.now_ms, kind.value, details=details)
        else:
            event = HistoryEvent(self.seq, self.now_ms, kind.value, at.step, at.visit, at.attempt, details)
        self.events.append(event)

    def put(self, cursor: Cursor) -> None:
        """Add a cursor, or replace the one on the same path."""
        self.cursors.pop(cursor.path, None)
        self.cursors[cursor.path] = cursor
        self.state = State.STARTED
        if not cursor.path:
            self.step = cursor.step

    def drive(self, cursor: Cursor, due_at_ms: int, *, needs_ms: int = 0, **changes: Any) -> None:
        """Leave a cursor to its driver: this invocation, a message, or the head's entry in the `due` index.

        What one decision makes due at one moment shares one message; `needs_ms` is how long it will take.
        """
        token = changes.pop("token", f"{cursor.visit}.{cursor.attempt}")
        far = changes.pop("in_index", False) or due_at_ms - self.now_ms > self.policy.max_delay_ms
        if due_at_ms <= self.now_ms:
            token = self._token_for_now(token, needs_ms)
        elif not far:
            token = self._token_for_later(token, cursor.path, due_at_ms)
        self.put(
            replace(
                cursor,
                token=token,
                by=self.by,
                due_at_ms=due_at_ms,
                watch_at_ms=due_at_ms + self.watch_ms,
                in_index=far,
                **({"sleeping": False, "timeout_at_ms": None, "waits": None} | changes),
            )
        )

    def _token_for_now(self, token: str, needs_ms: int) -> str:
        if self.cover is not None and self.now_ms + needs_ms <= self.cover.until_ms:
            return self.cover.token
        if token in self._tokens_before:
            return token  # its messages have been received before: what is new does not share their fate
        if self._shared_token is None:
            self._shared_token = token
        return self._shared_token

    def _token_for_later(self, token: str, path: str, due_at_ms: int) -> str:
        if due_at_ms not in self._tokens_at:
            # Where others were given this one, what is due later needs a message of its own.
            given = any(other.token == token and other.path != path for other in self.cursors.values())
            self._tokens_at[due_at_ms] = f"{token}.later" if given else token
        return self._tokens_at[due_at_ms]

    def succeed(self, output: Any) -> None:
        """End the execution as succeeded."""
        self._end(State.SUCCEEDED, output=output)

    def fail(self, failure: Failure) -> None:
        """End the execution as failed."""
        self._end(State.FAILED, error=failure.document())

    def time_out(self, failure: Failure) -> None:
        """End the execution as timed out."""
        self._end(State.TIMED_OUT, error=failure.document())

    def cancel(self, failure: Failure) -> None:
        """End the execution as cancelled."""
        self._end(State.CANCELLED, error=failure.document())

    def _end(self, state: State, *, output: Any = None, error: dict[str, Any] | None = None) -> None:
        """End the execution, or have its children told first."""
        if state is not State.SUCCEEDED:
            self.kept = self.snapshot or self.positions()
        self.orphan(self.cursors.values())
        self.ending = {"state": state.value, "output": output, "error": error, "at": self.now_ms}
        sweep = self.cursors.get(SWEEP)
        self.cursors = {} if sweep is None else {SWEEP: sweep}
        self.settle_end()

    def remember(self) -> None:
        """Remember where all stand, before the failure of one stops others."""
        self.snapshot = self.snapshot or self.positions()

    def positions(self) -> tuple[Cursor, ...]:
        """Return the cursors that stand at steps."""
        return tuple(cursor for cursor in self.cursors.values() if cursor.path != SWEEP)

    def settle_end(self) -> None:
        """Come to the end that was waiting, if all children have been told."""
        if self.ending is None or self.cursors:
            return
        self.state = State(self.ending["state"])
        self.output, self.error = self.ending["output"], self.ending["error"]
        self.ended_at_ms = max(self.now_ms, self.ending.get("at", 0))  # by whatever clock: not before it was decided
        self.ending = None
        details = {"output": self.output} if self.state is State.SUCCEEDED else {"error": self.error}
        self.record(EventType(self.state.value), details)

    def orphan(self, cursors: Iterable[Cursor]) -> None:
        """Remember the children of cursors that are about to go: somebody must tell them to end."""
        ids = [child for cursor in cursors if (child := child_of(self.base.id, cursor)) is not None]
        if not ids:
            return
        sweep = self.cursors.get(SWEEP)
        listed = sweep.held.get("ids") if sweep is not None and isinstance(sweep.held, dict) else None
        known = listed if isinstance(listed, list) else []  # a damaged one has told nobody
        held = {"ids": [*known, *(child for child in ids if child not in known)]}
        cursor = Cursor(SWEEP, self.step or "", 0, self.base.version + 1, "", self.by, None, 0, 0)
        token = f"0.{self.base.version + 1}"
        self.drive(cursor, self.now_ms, token=token, held=held)

    def sends(self, cover_token: str | None) -> tuple[Send, ...]:
        """Return the messages of the cursors that this decision made and that nothing in this invocation drives.

        Those that an earlier decision on the same message made were sent after that one, unless the index had them.
        """
        before = {(cursor.path, cursor.token, cursor.by) for cursor in self.base.cursors if not cursor.in_index}
        made = [cursor for cursor in self.cursors.values() if (cursor.path, cursor.token, cursor.by) not in before]
        return sends_made_by(made, self.by, cover_token)

    def freeze(self, *, sends: int) -> Execution:
        """Return the next version of the head; `sends` counts messages for the receipt."""
        base = self.base
        over = self.ending is None and self.ended
        return replace(
            base,
            state=self.state,
            version=base.version + 1,
            step=self.step,
            output=self.output,
            error=self.error,
            stash=self.stash,
            cursors=tuple(self.cursors.values()),
            ended_at_ms=self.ended_at_ms if over else None,
            due_at_ms=None if over else self._due_at_ms(),
            visits=self.visits,
            transitions=self.transitions,
            seq=self.seq,
            events=tuple(self.events),
            by=self.by if over else None,
            sends=base.sends + sends,
            data_bytes=self.volume.bytes,
            life=self.life,
            kept=self.kept or (base.kept if self.ended else ()),
            signals=self.signals,
            signal_ids=self.signal_ids,
            ending=self.ending,
        )

    def _due_at_ms(self) -> int | None:
        """Return a moment never later than the next that matters; the old one is kept while it is good enough.

        Rewriting it costs two index writes; keeping one that is too early costs a look that finds nothing. None when
        nothing will ever happen by itself.
        """
        moments = [cursor.due_at_ms if cursor.in_index else cursor.watch_at_ms for cursor in self.cursors.values()]
        needed = min(moments, default=NEVER_MS)
        if self.base.deadline_at_ms is not None and self.ending is None:
            needed = min(needed, self.base.deadline_at_ms)
        if needed >= NEVER_MS:
            return None
        old = self.base.due_at_ms
        if old is not None and self.now_ms + EARLY_MS < old <= needed <= old + self.policy.watch_ms:
            return old
        return needed


def shown(execution: Execution) -> dict[str, Any]:
    """Return what expressions see of an execution."""
    return {
        "id": execution.id,
        "tenantId": execution.tenant_id,
        "definitionId": execution.definition_id,
        "version": execution.definition_version,
        "name": execution.name,
        "input": execution.input,
        "startedAt": timestamp(execution.started_at_ms),
    }


def sends_made_by(cursors: Iterable[Cursor], by: str, token: str | None) -> tuple[Send, ...]:
    """Return the messages of cursors whose processing was named `by`, but for those that `token` itself drives."""
    sends = {
        cursor.token: Send(cursor.token, cursor.due_at_ms)
        for cursor in cursors
        if cursor.by == by and cursor.token != token and not cursor.in_index
    }
    return tuple(sends.values())

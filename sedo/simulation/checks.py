"""The invariants of every commit and of every end of an invocation; the package's docstring lists them all."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chalicelib.engine.execution import NEVER_MS, Cursor, Execution
from chalicelib.engine.history import EventType, HistoryEvent

STARTED = EventType.STEP_STARTED.value
RETRIED = EventType.STEP_RETRIED.value
SKEW_MS = 20_000
"""So far may the clocks of two processes be apart."""
OUTCOMES = frozenset({EventType.STEP_SUCCEEDED.value, EventType.STEP_FAILED.value, EventType.STEP_TIMED_OUT.value})
POSITIONED = OUTCOMES | {STARTED, RETRIED}


class Violation(BaseException):
    """An invariant does not hold. Not an Exception: the processor's own guards must not catch it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


@dataclass(slots=True)
class Record:
    """What is known of one execution beside its head: all committed events, and what is in chunks.

    Events are the very objects that heads hold. `frozen` holds the rows of each commit's new ones as they were then.
    """

    log: list[HistoryEvent] = field(default_factory=list)
    frozen: list[bytes] = field(default_factory=list)
    chunked_seq: int = 0
    steps: dict[int, str] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    revived: set[int] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=dict)
    tokens: dict[str, tuple[int, set[tuple[int, int]]]] = field(default_factory=dict)


def check_commit(
    record: Record,
    old: Execution | None,
    new: Execution,
    events: Sequence[HistoryEvent],
    watch_ms: int,
    now_ms: int,
) -> None:
    """Check one commit against the head that it replaces, and add its events to the record."""
    name = new.id
    if new.version != (old.version if old else 0) + 1:
        raise Violation("version", f"{name}: version {new.version} follows {old.version if old else 'nothing'}")
    if old is not None and old.ended and new.life <= old.life:
        raise Violation("terminal", f"{name}: {old.state} became {new.state}")
    _check_chunks(old, new)
    _check_events(record, new, events)
    _check_tokens(record, new, now_ms)
    if not new.ended:
        _check_due(old, new, watch_ms, now_ms)
    elif new.cursors or new.due_at_ms is not None:
        raise Violation("due", f"{name}: an ended head has cursors or due_at")


def _check_chunks(old: Execution | None, new: Execution) -> None:
    """See that a head knows all chunks that the one before knew, and one more where events left it."""
    seq, chunks = (old.flushed_seq, old.chunks) if old is not None else (0, 0)
    if new.flushed_seq < seq or new.chunks != chunks + (new.flushed_seq > seq):
        found = f"{new.chunks} chunks up to {new.flushed_seq} follow {chunks} up to {seq}"
        raise Violation("history", f"{new.id}: {found}")


def _check_events(record: Record, new: Execution, events: Sequence[HistoryEvent]) -> None:
    name, log = new.id, record.log
    known = len(log)
    seqs = [event.seq for event in events]
    if seqs != list(range(new.flushed_seq + 1, new.seq + 1)):
        raise Violation("history", f"{name}: head holds {seqs} of {new.flushed_seq}..{new.seq}")
    if new.flushed_seq > record.chunked_seq:
        raise Violation(
            "history", f"{name}: events up to {new.flushed_seq} left the head, chunks go to {record.chunked_seq}"
        )
    if new.seq < known or new.flushed_seq > known:
        raise Violation("history", f"{name}: seq fell from {known} to {new.seq}")
    for event in events[: known - new.flushed_seq]:
        _check_same(name, log[event.seq - 1], event)
    added = events[known - new.flushed_seq :]
    for event in added:
        _note(record, name, event)
    log += added
    record.frozen.append(marshal.dumps([event.row() for event in added]))
    if len(record.steps) != new.visits:
        raise Violation("outcome", f"{name}: {new.visits} visits are counted, {len(record.steps)} were started")
    if not new.ended and new.ending is None:
        there = {cursor.visit for cursor in new.cursors}
        for visit in record.open:
            if visit not in there:
                raise Violation("outcome", f"{name}: visit {visit} has neither an outcome nor a cursor")


def _check_same(name: str, logged: HistoryEvent, event: HistoryEvent) -> None:
    if logged is not event and logged != event:
        raise Violation("history", f"{name}: event {event.seq} was {logged.row()} and is {event.row()}")


def check_unchanged(record: Record, name: str) -> None:
    """See that nobody has changed an event after it was committed: heads and chunks share them."""
    rows = [row for frozen in record.frozen for row in marshal.loads(frozen)]  # noqa: S302 - written by ourselves
    for row, event in zip(rows, record.log, strict=True):
        if row != event.row():
            raise Violation("history", f"{name}: event {event.seq} was {row} and has become {event.row()}")


def _note(record: Record, name: str, event: HistoryEvent) -> None:
    """Take a new event into account: one start and one outcome for a visit, attempts one by one."""
    kind, step, visit, attempt = event.type, event.step, event.visit, event.attempt
    if kind == EventType.EXECUTION_REDRIVEN:
        record.revived = set(record.outcomes)  # a fan-out keeps its visit, and so comes to another outcome
        record.open.clear()
    if step is None or visit is None or attempt is None:
        if kind in POSITIONED:
            raise Violation("history", f"{name}: {event.row()} says not of which visit it is")
        return
    if kind == STARTED:
        if visit in record.steps or visit != len(record.steps) + 1:
            raise Violation("outcome", f"{name}: visit {visit} of {step} starts after {len(record.steps)} visits")
        record.steps[visit] = step
        record.attempts[visit] = 1
        record.open.add(visit)
    elif kind == RETRIED:
        if attempt != record.attempts[visit] or (visit in record.outcomes and visit not in record.revived):
            raise Violation("outcome", f"{name}: attempt {attempt} of visit {visit} is retried out of turn")
        record.attempts[visit] = attempt + 1
    elif kind in OUTCOMES:
        if (visit in record.outcomes and visit not in record.revived) or record.attempts.get(visit) != attempt:
            raise Violation("outcome", f"{name}: visit {visit} ends again or at another attempt: {event.row()}")
        record.outcomes[visit] = kind
        record.revived.discard(visit)
        record.open.discard(visit)


def check_chunk(record: Record | None, execution_id: str, events: Sequence[HistoryEvent]) -> None:
    """Check that a chunk holds committed events only, without gaps, and note how far chunks go."""
    log = record.log if record else []
    for event in events:
        if event.seq > len(log) or (log[event.seq - 1] is not event and log[event.seq - 1] != event):
            raise Violation(
                "history", f"{execution_id}: a chunk holds event {event.seq}, which is not committed so: {event.row()}"
            )
    seqs = [event.seq for event in events]
    if record is None or not seqs or seqs != list(range(seqs[0], seqs[-1] + 1)) or seqs[0] > record.chunked_seq + 1:
        raise Violation("history", f"{execution_id}: a chunk of {seqs} does not follow what is in chunks")
    record.chunked_seq = max(record.chunked_seq, seqs[-1])


def _check_tokens(record: Record, new: Execution, now_ms: int) -> None:
    """See that what waits is not driven by the token of an earlier attempt, whose messages may still be about."""
    for cursor in new.cursors:
        position = (cursor.visit, cursor.attempt)
        version, first = record.tokens.setdefault(cursor.token, (new.version, {position}))
        if version == new.version:
            first.add(position)  # what one decision makes due at one moment shares one message
        elif position not in first and (cursor.sleeping or cursor.in_index or cursor.due_at_ms > now_ms + SKEW_MS):
            raise Violation("token", f"{new.id}: token {cursor.token} of visits {first} now drives visit {position}")


def _check_due(old: Execution | None, new: Execution, watch_ms: int, now_ms: int) -> None:
    if not new.cursors:
        raise Violation("driver", f"{new.id}: lives without a cursor")
    known = {(c.path, c.token, c.by) for c in old.cursors} if old is not None else set()
    latest = min(
        c.due_at_ms
        if c.in_index
        else c.watch_at_ms  # somebody else made it, and had its own reasons
        if (c.path, c.token, c.by) in known
        else max(c.due_at_ms, now_ms) + watch_ms
        for c in new.cursors
    )
    if new.deadline_at_ms is not None and new.ending is None:
        latest = min(latest, new.deadline_at_ms)
    if latest >= NEVER_MS:
        return  # nothing but somebody's answer moves it on
    if new.due_at_ms is None or new.due_at_ms > latest:
        late = "none" if new.due_at_ms is None else f"{(new.due_at_ms - latest) / 1000} s late"
        raise Violation("due", f"{new.id}: due_at is {late}")


def undriven(
    head: Execution, messages: Iterable[tuple[str, str, str]], excused: set[tuple[str, str]]
) -> Iterable[Cursor]:
    """Yield the cursors that no message (kind, token, n) can reach and that nobody has an excuse for."""
    there = list(messages) if head.cursors else ()
    for cursor in head.cursors:
        if cursor.in_index:
            continue
        if any((kind != "look" and token == cursor.token) or n == cursor.by for kind, token, n in there):
            continue
        if (head.id, cursor.token) not in excused and (head.id, cursor.by) not in excused:
            yield cursor

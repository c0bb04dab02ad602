"""History events as columns of small differences: a step that does nothing but pass on costs next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.engine.history import EventType, HistoryEvent

# Stored as places in this list, so it may only grow at its end; a type that is not in it is stored by name.
_TYPES: tuple[str, ...] = (
    EventType.EXECUTION_SUBMITTED.value,
    EventType.STEP_STARTED.value,
    EventType.STEP_SUCCEEDED.value,
    EventType.STEP_FAILED.value,
    EventType.STEP_RETRIED.value,
    EventType.STEP_TIMED_OUT.value,
    EventType.CANCEL_REQUESTED.value,
    EventType.EXECUTION_SUCCEEDED.value,
    EventType.EXECUTION_FAILED.value,
    EventType.EXECUTION_TIMED_OUT.value,
    EventType.EXECUTION_CANCELLED.value,
    EventType.TASK_OPENED.value,
    EventType.TASK_CLAIMED.value,
    EventType.TASK_RELEASED.value,
    EventType.TASK_ANSWERED.value,
    EventType.SIGNAL_RECEIVED.value,
    EventType.CHILD_STARTED.value,
    EventType.CHILD_ENDED.value,
    EventType.EXECUTION_REDRIVEN.value,
)
_CODES = {name: code for code, name in enumerate(_TYPES)}


def to_columns(events: Sequence[HistoryEvent]) -> list[Any]:
    """Return `[seqs, ats, types, step names, steps, visits, attempts, details]`."""
    names = {name: place for place, name in enumerate(dict.fromkeys(event.step for event in events))}
    seqs = [event.seq for event in events]
    gapless = bool(seqs) and seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    return [
        seqs[:1] if gapless else seqs,
        _differences([event.at_ms for event in events]),
        [_CODES.get(event.type, str(event.type)) for event in events],
        list(names),
        _differences([names[event.step] for event in events]),
        _differences([event.visit for event in events]),
        [event.attempt for event in events],
        [event.details for event in events],
    ]


def from_columns(columns: list[Any]) -> tuple[HistoryEvent, ...]:
    """Read what `to_columns` wrote. Raises ValueError, TypeError or IndexError for anything else."""
    seqs, ats, types, names, steps, visits, attempts, details = columns
    if len(seqs) == 1:
        seqs = range(seqs[0], seqs[0] + len(types))
    return tuple(
        HistoryEvent(seq, at, _TYPES[code] if isinstance(code, int) else code, names[place], visit, attempt, detail)
        for seq, at, code, place, visit, attempt, detail in zip(
            seqs, _sums(ats), types, _sums(steps), _sums(visits), attempts, details, strict=True
        )
    )


def _differences(numbers: Sequence[int | None]) -> list[int | None]:
    """Return each number less the one before it; None stays and counts for nothing."""
    last = 0
    found: list[int | None] = []
    for number in numbers:
        found.append(None if number is None else number - last)
        last = last if number is None else number
    return found


def _sums(differences: Sequence[int | None]) -> list[Any]:
    last = 0
    found: list[int | None] = []
    for difference in differences:
        last += difference or 0
        found.append(None if difference is None else last)
    return found

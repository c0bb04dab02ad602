"""Committing a head: flush what would make it heavy, then one conditional write."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Sequence
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.records import replace
from chalicelib.ports import Conflict, Unavailable
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.commits")
_ROW_BYTES = 24
_TOO_LARGE_BYTES = 16 * values.LARGE_VALUE_BYTES
_encode = json.JSONEncoder(separators=(",", ":")).encode
KEEP_AT_END_BYTES = 65_536
"""An ended head is written once more and never again, so that it keeps what fits easily under an item's 400 KB."""


def commit(runtime: Runtime, before: Execution | None, after: Execution) -> Execution | Conflict:
    """Write `after`, which follows from the committed head `before` (None: there is none yet); return what was written.

    Events that `before` carries, and only those since they are committed, are put into a chunk first when they have
    grown heavy. Raises Unavailable when it cannot be known whether `after` was written.
    """
    if before is not None and before.ended and not after.ended and (after.chunks or after.data_bytes):
        runtime.store.stamp_expiry(after)  # before the commit: what lives again must not lose what belongs to it
    light = lighten(runtime, before, after)
    outcome = runtime.store.commit(light, runtime.nonces())
    return outcome if isinstance(outcome, Conflict) else light


def lighten(runtime: Runtime, before: Execution | None, after: Execution) -> Execution:
    """Flush the committed events if they are heavy, and return the head without them."""
    if before is None or not before.events or not _heavy(before.events, runtime.flush_above_bytes, ended=after.ended):
        return after
    runtime.store.put_chunk(before, before.events)
    kept = tuple(event for event in after.events if event.seq > before.seq)
    return replace(after, events=kept, flushed_seq=before.seq, chunks=after.chunks + 1)


def must_stamp(execution: Execution) -> bool:
    """Say whether an execution has ended and has something beside its head, which has no expiry yet."""
    return execution.ended and (execution.chunks > 0 or execution.data_bytes > 0)


def let_expire(runtime: Runtime, execution: Execution) -> None:
    """Let what was stored beside a head that has ended expire with it. Doing it again is harmless."""
    if must_stamp(execution):
        runtime.store.stamp_expiry(execution)


def let_expire_if_possible(runtime: Runtime, execution: Execution) -> None:
    """Do so for a caller of the API, who has his answer anyway: what is not stamped stays, unseen, after its head."""
    try:
        let_expire(runtime, execution)
    except Unavailable as error:
        logger.warning("%s: what belongs to it has no expiry: %s", execution.id, error)


def _heavy(events: Sequence[HistoryEvent], most_bytes: int, *, ended: bool) -> bool:
    if ended:
        return _exceed(events, 0, KEEP_AT_END_BYTES)
    if not _exceed(events, _ROW_BYTES, most_bytes):
        return False
    rows = _encode([_light(event).row() for event in events]).encode("utf-8", "surrogatepass")
    return len(rows) > most_bytes and len(zlib.compress(rows, 1)) > most_bytes


def _exceed(events: Sequence[HistoryEvent], each: int, most_bytes: int) -> bool:
    """Say whether events weigh more than that, roughly and not packed; counting ends as soon as they do."""
    rough = 0
    for event in events:
        weight = values.size(event.details, most_bytes)
        if weight > most_bytes:
            weight = values.size(_light(event).details, most_bytes)
        rough += each + weight
        if rough > most_bytes:
            return True
    return False


def _light(event: HistoryEvent) -> HistoryEvent:
    """Return an event as it weighs in a head: what is far too large for it does not travel there."""
    if values.size(event.details, _TOO_LARGE_BYTES) <= _TOO_LARGE_BYTES:
        return event
    return replace(event, details={name: _short(value) for name, value in event.details.items()})


def _short(value: Any) -> Any:
    return value if values.size(value, _TOO_LARGE_BYTES) <= _TOO_LARGE_BYTES else None

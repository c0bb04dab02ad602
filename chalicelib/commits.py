"""Committing a head: flush what would make it heavy, then one conditional write."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from chalicelib.engine import values
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.records import replace
from chalicelib.ports import Committed, Conflict
from chalicelib.runtime import Runtime

FLUSH_ABOVE_BYTES = 1024
"""A put is billed by started KB. Events of one packed KB cost one write unit more with every later commit, and one
unit to move out: from there on moving pays with the very next commit."""
KEEP_AT_END_BYTES = 65_536
"""An ended head is written once more and never again, so that it keeps what fits easily under an item's 400 KB."""


def commit(runtime: Runtime, before: Execution | None, after: Execution) -> Committed | Conflict:
    """Write `after`, which follows from the committed head `before` (None: there is none yet).

    Events that `before` carries, and only those since they are committed, are put into a chunk first when they have
    grown heavy. Raises Unavailable when it cannot be known whether `after` was written.
    """
    return runtime.store.commit(lighten(runtime, before, after), runtime.nonces())


def lighten(runtime: Runtime, before: Execution | None, after: Execution) -> Execution:
    """Flush the committed events if they are heavy, and return the head without them."""
    if before is None or not before.events or not _heavy(before.events, ended=after.ended):
        return after
    runtime.store.put_chunk(before.id, before.events)
    kept = tuple(event for event in after.events if event.seq > before.seq)
    return replace(after, events=kept, flushed_seq=before.seq, chunks=after.chunks + 1)


def _heavy(events: Sequence[HistoryEvent], *, ended: bool) -> bool:
    if ended:
        return sum(values.size(event.details) for event in events) > KEEP_AT_END_BYTES
    if not _may_be_heavy(events):
        return False
    rows = json.dumps([event.row() for event in events], separators=(",", ":"))
    return len(zlib.compress(rows.encode("utf-8", "surrogatepass"), 1)) > FLUSH_ABOVE_BYTES


def _may_be_heavy(events: Sequence[HistoryEvent]) -> bool:
    """Say whether events are worth packing to be weighed; counting ends as soon as they are."""
    rough = 0
    for event in events:
        rough += 24 + values.size(event.details, FLUSH_ABOVE_BYTES)
        if rough > FLUSH_ABOVE_BYTES:
            return True
    return False

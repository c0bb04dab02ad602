"""Heads and chunks of the store in memory as bytes."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from typing import Any

from chalicelib.adapters.references import put_back
from chalicelib.adapters.taking import KEEP_BYTES, Taking, head_places
from chalicelib.engine.execution import Execution, to_document
from chalicelib.engine.history import HistoryEvent

DETAILS = 6
"""Where a row has an event's details."""


def row_of(event: HistoryEvent) -> list[Any]:
    """Return an event as marshal takes it."""
    row = event.row()
    row[2] = str(event.type)
    return row


def encoded(execution: Execution, taking: Taking) -> bytes:
    """Return a head as bytes; its large values are left in `taking`."""
    document = to_document(execution)
    document["state"] = execution.state.value
    events = [event for event in execution.events if event.seq > execution.flushed_seq]
    rows = [row_of(event) for event in events]
    try:
        blob = marshal.dumps((document, rows, []))
        if len(blob) <= KEEP_BYTES:
            return blob  # nothing in it can be large
    except ValueError:  # there are references in it
        pass
    places = head_places(document, [event.details for event in events], lambda i: (1, i, DETAILS))
    (document, rows), table = taking.out_of([document, rows], places)
    return marshal.dumps((document, rows, table))


def events_of(blob: bytes) -> Iterator[HistoryEvent]:
    """Return the events of a chunk, with references for large values."""
    rows, table = marshal.loads(blob)  # noqa: S302
    put_back(rows, table, None, lambda _: True)
    return map(HistoryEvent.from_row, rows)

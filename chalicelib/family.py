"""The use case of children: which executions another one has started and waited for, in the order of their starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType, HistoryEvent
from chalicelib.engine.places import child_of
from chalicelib.ports import Page
from chalicelib.runtime import Runtime
from chalicelib.service import events_of, load_execution

EVENTS_AT_ONCE = 500
MAX_EVENTS_PER_PAGE = 5_000
"""So many events are looked at for one page, which may then be short and still have a next one."""


def known_children(execution: Execution) -> list[str]:
    """Return the ids of the children that a head knows of by itself; `children` knows those of a long history too."""
    now = [child_of(execution.id, at) for at in (*execution.cursors, *execution.kept) if (at.held or {}).get("started")]
    return list(dict.fromkeys([*_started(execution.events), *(child for child in now if child is not None)]))


def children(runtime: Runtime, tenant_id: str, execution_id: str, limit: int, after_seq: int) -> Page[Execution]:
    """Return the children started after an event of the history; `cursor` is the number of an event. Raises NotFound.

    What is gone or cannot be read is left out.
    """
    parent = load_execution(runtime, tenant_id, execution_id)
    found: list[HistoryEvent] = []
    seen = 0
    while len(found) <= limit and seen < MAX_EVENTS_PER_PAGE:
        events = events_of(runtime, parent, after_seq, EVENTS_AT_ONCE)
        if not events:
            after_seq = parent.seq
            break
        found += [event for event in events if event.type == EventType.CHILD_STARTED]
        after_seq, seen = events[-1].seq, seen + len(events)
    cursor = None
    if len(found) > limit:
        cursor = str(found[limit - 1].seq)
    elif after_seq < parent.seq:
        cursor = str(after_seq)
    ids = _started(found[:limit])
    heads = runtime.store.load(ids) if ids else {}
    loaded = [heads.get(child) for child in ids]
    return Page([head for head in loaded if isinstance(head, Execution)], cursor)


def _started(events: Iterable[HistoryEvent]) -> Sequence[str]:
    """Return the children in the order of their starts; one that goes on after a redrive is the same."""
    found = (str(event.details["executionId"]) for event in events if event.type == EventType.CHILD_STARTED)
    return list(dict.fromkeys(found))

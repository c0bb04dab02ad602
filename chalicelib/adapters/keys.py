"""Keys of the tables and their indexes, all of them; texts that sort as what they stand for.

by_tenant   {tenant}#{class}#{shard}   {started_ms:015d}#{id}     class: `live`, or the end's state
inbox       {tenant}#{shard}           {opened_ms:015d}#{id}      heads with an open task of a person
due         {shard}                    {due_ms:015d}#{w|t|s}#{id} w: a watchdog's look, t: a timer, s: a timetable
definition  tenant                     {id}, and ~{id}#{version:08d} for the immutable versions
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from chalicelib.engine.execution import TERMINAL, Execution, State, due_is_watchdog
from chalicelib.engine.tasks import tokens_of
from chalicelib.engine.timetable import Timetable
from chalicelib.ports import DueEntry

LIVE = "live"
VERSION_MARK = "~"
MAX_VERSION = 99_999_999


def shard(execution_id: str, shards: int) -> int:
    """Return the index shard of an execution: the same in every process, for as long as `shards` is the same."""
    return crc32(execution_id.encode("utf-8", "surrogatepass")) % shards


def state_class(state: State) -> str:
    """Return the class under which `by_tenant` holds a state."""
    return state.value if state in TERMINAL else LIVE


def state_classes(states: Iterable[str] | None) -> list[str]:
    """Return the classes to look into for some states; all of them for None."""
    wanted = list(State) if states is None else [State(state) for state in states]
    return sorted({state_class(state) for state in wanted})


def tenant_key(tenant_id: str, state_class: str, shard: int) -> str:
    """Return the partition of `by_tenant`."""
    return f"{tenant_id}#{state_class}#{shard}"


def started_key(execution: Execution) -> str:
    """Return the sort key of `by_tenant`, which is also the position in a list of executions."""
    return f"{execution.started_at_ms:015d}#{execution.id}"


def id_of_started(key: str) -> str:
    """Return the execution id at the end of a `started_key`."""
    return key.split("#", 1)[1]


def opened_at_ms(execution: Execution) -> int | None:
    """Return when the oldest open task of a person was opened; None when there is none."""
    opened = [cursor.held["openedAt"] for _, cursor in tokens_of(execution) if cursor.held is not None]
    return min(opened, default=None)


def inbox_key(tenant_id: str, shard: int) -> str:
    """Return the partition of `inbox`."""
    return f"{tenant_id}#{shard}"


def opened_key(execution_id: str, opened_at_ms: int) -> str:
    """Return the sort key of `inbox`."""
    return f"{opened_at_ms:015d}#{execution_id}"


def due_key(execution: Execution) -> str:
    """Return the sort key of `due` for a head that has a `due_at_ms`."""
    return f"{execution.due_at_ms:015d}#{'w' if due_is_watchdog(execution) else 't'}#{execution.id}"


def timetable_due_key(timetable: Timetable) -> str:
    """Return the sort key of `due` for a timetable that has a `due_at_ms`."""
    return f"{timetable.due_at_ms:015d}#s#{timetable.id}"


def due_before(before_ms: int) -> str:
    """Return the bound under which every `due_key` before a moment sorts."""
    return f"{max(before_ms, 0):015d}"


def due_entry(key: str) -> DueEntry:
    """Read a key of `due`."""
    due, kind, found_id = key.split("#", 2)
    return DueEntry(found_id, int(due), kind == "w", kind == "s")


def version_prefix(definition_id: str) -> str:
    """Return what the keys of all versions of one definition begin with."""
    return f"{VERSION_MARK}{definition_id}#"


def version_key(definition_id: str, version: int) -> str:
    """Return the sort key of one immutable version: after every id, in the order of the numbers."""
    return f"{version_prefix(definition_id)}{version:08d}"


def belongs_to(execution_id: str, definition_id: str | None) -> bool:
    """Say whether an id `tenant:definition:suffix` is of a definition; None means any."""
    return definition_id is None or execution_id.split(":")[1:2] == [definition_id]

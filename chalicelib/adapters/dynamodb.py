"""The store on DynamoDB: three tables, each in a module of its own.

heads.py        sedo_execution by its key: load, commit
index.py        its indexes by_tenant and due: lists, ticks
history.py      sedo_execution_history: flushed events
definitions.py  sedo_definition: latest and versions
timetables.py   what schedules start next, beside the heads
codec.py        what an item looks like (columns.py, packing.py and dictionary.py make it small)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.definitions import Definitions
from chalicelib.adapters.heads import Heads
from chalicelib.adapters.history import Chunks
from chalicelib.adapters.index import Index
from chalicelib.adapters.timetables import Timetables
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable
from chalicelib.ports import Committed, Conflict, DueEntry, Page, StoredDefinition


class DynamoStore:
    """Store on DynamoDB; see ports.Store for what each call promises."""

    def __init__(self, clients: Clients) -> None:
        self._timetables = Timetables(clients)
        self._definitions = Definitions(clients, self._timetables)
        self._heads = Heads(clients)
        self._chunks = Chunks(clients)
        self._index = Index(clients, self._heads.load)

    def put_definition(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row] = ()
    ) -> int:
        """Store the next version, it as the latest, and its timetable, in one transaction."""
        return self._definitions.put(tenant_id, definition_id, document, now_ms, rows)

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Read one item, consistently."""
        return self._definitions.get(tenant_id, definition_id, version)

    def list_definitions(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[str]:
        """Query the tenant's ids."""
        return self._definitions.ids(tenant_id, limit, cursor)

    def list_versions(
        self, tenant_id: str, definition_id: str, limit: int, cursor: str | None = None
    ) -> Page[tuple[int, int]]:
        """Query one definition's versions."""
        return self._definitions.versions(tenant_id, definition_id, limit, cursor)

    def delete_definition(self, tenant_id: str, definition_id: str) -> bool:
        """Delete the latest and its timetable in one transaction; the versions stay."""
        return self._definitions.delete(tenant_id, definition_id)

    def load_timetable(self, tenant_id: str, definition_id: str) -> Timetable | None:
        """Read one item, consistently."""
        return self._timetables.load(tenant_id, definition_id)

    def save_timetable(self, timetable: Timetable) -> bool:
        """Write it by one conditional PutItem."""
        return self._timetables.save(timetable)

    def load(self, execution_ids: Sequence[str]) -> dict[str, Execution | SedoError]:
        """Read heads by BatchGetItem, consistently."""
        return self._heads.load(execution_ids)

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """Write a head by one conditional PutItem."""
        return self._heads.commit(execution, nonce)

    def list_executions(
        self,
        tenant_id: str,
        limit: int,
        cursor: str | None = None,
        states: Iterable[str] | None = None,
        definition_id: str | None = None,
    ) -> Page[Execution]:
        """Query the index by tenant and load what it names."""
        return self._index.executions(tenant_id, limit, cursor, states, definition_id)

    def list_inbox(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[Execution]:
        """Query the index of open tasks and load what it names."""
        return self._index.inbox(tenant_id, limit, cursor)

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """Query the index by due moment, shard after shard, as far as the caller asks."""
        return self._index.due(before_ms, limit_per_shard)

    def put_chunk(self, execution_id: str, events: Sequence[HistoryEvent]) -> None:
        """Put a chunk, unless a longer one stands there."""
        self._chunks.put(execution_id, events)

    def load_chunks(self, execution_id: str, after_seq: int, limit: int) -> list[HistoryEvent]:
        """Query chunks until there are enough events."""
        return self._chunks.load(execution_id, after_seq, limit)

"""The store on DynamoDB: four tables, each in a module of its own.

heads.py        sedo_execution by its key: load, commit
index.py        its indexes by_tenant and due: lists, ticks
history.py      sedo_execution_history: flushed events
payloads.py     sedo_payload: what is too large for both (taking.py takes it out, references.py puts it back)
expiry.py       when items of the three go
definitions.py  sedo_definition: latest and versions
timetables.py   what schedules start next, beside the heads
codec.py        what an item looks like (columns.py, packing.py and dictionary.py make it small)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.definitions import Definitions
from chalicelib.adapters.expiry import Stamps, expires_at, stamp_order
from chalicelib.adapters.heads import Heads
from chalicelib.adapters.history import Chunks
from chalicelib.adapters.index import Index
from chalicelib.adapters.payloads import Payloads
from chalicelib.adapters.references import filled, fitting, references_in
from chalicelib.adapters.timetables import Timetables
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable
from chalicelib.ports import Clock, Committed, Conflict, DueEntry, Page, StoredDefinition


class DynamoStore:
    """Store on DynamoDB; see ports.Store for what each call promises."""

    def __init__(self, clients: Clients, now_ms: Clock) -> None:
        self._timetables = Timetables(clients)
        self._definitions = Definitions(clients, self._timetables)
        self._payloads = Payloads(clients)
        self._heads = Heads(clients, self._payloads, now_ms)
        self._chunks = Chunks(clients, self._payloads)
        self._index = Index(clients, lambda ids: self._heads.load(ids, whole=False))
        self._stamps = Stamps(clients)
        self._retention_days = clients.settings.retention_days

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

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """Read heads by BatchGetItem, consistently, and what they refer to in the same way."""
        return self._heads.load(execution_ids, whole=whole)

    def resolve(self, execution_id: str, value: Any, max_bytes: int) -> Any:
        """Read the payloads of what fits."""
        references = list(references_in(value))
        chosen = fitting(references, max_bytes)
        if not chosen:
            return value
        found = self._payloads.load({execution_id: [references[place] for place in chosen]})[execution_id]
        return filled(value, chosen, found)

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

    def put_chunk(self, execution: Execution, events: Sequence[HistoryEvent]) -> None:
        """Put a chunk, unless a longer one stands there."""
        self._chunks.put(execution, events)

    def load_chunks(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        """Query chunks until there are enough events."""
        return self._chunks.load(execution, after_seq, limit)

    def stamp_expiry(self, execution: Execution) -> None:
        """Query the keys of what belongs to it, update each."""
        self._stamps.stamp(execution.id, expires_at(execution, self._retention_days), stamp_order(execution))

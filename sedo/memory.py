"""The store in memory, for tests and the simulation: same promises as DynamoDB's, nothing shared with its callers.

Heads and documents are kept as marshalled bytes, so that each load and each save is a copy. One lock makes every call
a single step, as each request to DynamoDB is. Large values are kept apart by the same code that does so for DynamoDB.
"""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

from chalicelib.adapters import keys
from chalicelib.adapters.cursors import make_cursor, read_cursor
from chalicelib.adapters.expiry import expires_at, stamp_order
from chalicelib.adapters.listing import fill_page
from chalicelib.adapters.references import Reference, filled, fitting, put_back, references_in, value_of
from chalicelib.adapters.taking import Taking, details_places
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.execution import TERMINAL, Execution, from_document, is_of
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable, timetable_id
from chalicelib.ports import Clock, Committed, Conflict, DueEntry, Page, StoredDefinition
from sedo.memory_heads import DETAILS, encoded, events_of, row_of


@dataclass(frozen=True, slots=True)
class _Stored:
    """A head as it is kept."""

    version: int
    nonce: str
    blob: bytes
    expires_at: int | None


class MemoryStore:
    """Store in memory; see ports.Store for what each call promises."""

    def __init__(self, shards: int = 4, now_ms: Clock = lambda: 0, retention_days: int = 90) -> None:
        self._shards = shards
        self._now_ms = now_ms
        self._retention_days = retention_days
        self._lock = RLock()
        self._heads: dict[str, _Stored] = {}
        self._payloads: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self._expiry: dict[str, int | None] = {}
        self._stamps: dict[str, int] = {}
        self._started: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._inbox: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._due: list[dict[str, str]] = [{} for _ in range(shards)]
        self._chunks: defaultdict[str, dict[int, tuple[int, int, bytes]]] = defaultdict(dict)
        self._timetables: dict[str, Timetable] = {}
        self._latest: dict[tuple[str, str], int] = {}
        self._versions: defaultdict[tuple[str, str], list[tuple[int, bytes]]] = defaultdict(list)

    def put_definition(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row] = ()
    ) -> int:
        """Append the next version, point the latest at it, replace the timetable."""
        key = (tenant_id, definition_id)
        with self._lock:
            self._versions[key].append((now_ms, marshal.dumps(document)))
            self._latest[key] = len(self._versions[key])
            self._keep(Timetable(tenant_id, definition_id, self._latest[key], tuple(rows)))
            return self._latest[key]

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Return a copy of one version."""
        key = (tenant_id, definition_id)
        with self._lock:
            number = self._latest.get(key) if version is None else version
            versions = self._versions.get(key, [])
            if number is None or not 0 < number <= len(versions):
                return None
            created_at_ms, document = versions[number - 1]
        return StoredDefinition(tenant_id, definition_id, number, created_at_ms, marshal.loads(document))  # noqa: S302

    def list_definitions(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[str]:
        """Return a slice of the sorted ids."""
        scope = f"definitions\n{tenant_id}"
        after = read_cursor(scope, cursor) or ""
        with self._lock:
            ids = sorted(name for tenant, name in self._latest if tenant == tenant_id and name > after)
        return Page(ids[:limit], make_cursor(scope, ids[limit - 1]) if len(ids) > limit else None)

    def list_versions(
        self, tenant_id: str, definition_id: str, limit: int, cursor: str | None = None
    ) -> Page[tuple[int, int]]:
        """Return a slice of the versions, newest first."""
        scope = f"versions\n{tenant_id}\n{definition_id}"
        before = read_cursor(scope, cursor)
        with self._lock:
            versions = self._versions.get((tenant_id, definition_id), [])
            rows = [(number, created) for number, (created, _) in enumerate(versions, 1)]
        rows = [row for row in reversed(rows) if before is None or row[0] < int(before)]
        return Page(rows[:limit], make_cursor(scope, str(rows[limit - 1][0])) if len(rows) > limit else None)

    def delete_definition(self, tenant_id: str, definition_id: str) -> bool:
        """Forget which version is the latest, and the timetable."""
        with self._lock:
            self._keep(Timetable(tenant_id, definition_id, 0, ()))
            return self._latest.pop((tenant_id, definition_id), None) is not None

    def load_timetable(self, tenant_id: str, definition_id: str) -> Timetable | None:
        """Return what is frozen, so that it needs no copy."""
        with self._lock:
            return self._timetables.get(timetable_id(tenant_id, definition_id))

    def save_timetable(self, timetable: Timetable) -> bool:
        """Compare and set."""
        with self._lock:
            stored = self._timetables.get(timetable.id)
            wanted = (timetable.definition_version, timetable.revision - 1)
            if stored is None or (stored.definition_version, stored.revision) != wanted:
                return False
            self._keep(timetable)
        return True

    def _keep(self, timetable: Timetable) -> None:
        self._timetables.pop(timetable.id, None)
        shard = self._due[keys.shard(timetable.id, self._shards)]
        shard.pop(timetable.id, None)
        if timetable.rows:
            self._timetables[timetable.id] = timetable
        if timetable.due_at_ms is not None:
            shard[timetable.id] = keys.timetable_due_key(timetable)

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """Return copies."""
        with self._lock:
            found = {execution_id: self._head(execution_id) for execution_id in execution_ids}
            return {name: self._decoded(name, head, whole=whole) for name, head in found.items() if head is not None}

    def _head(self, execution_id: str) -> _Stored | None:
        stored = self._heads.get(execution_id)
        expired = stored is not None and stored.expires_at is not None and stored.expires_at * 1000 <= self._now_ms()
        return None if expired else stored

    def _decoded(self, execution_id: str, stored: _Stored, *, whole: bool) -> Execution | SedoError:
        try:
            return self._read(execution_id, stored.blob, whole=whole)
        except UnsupportedHead as error:
            return error

    def _read(self, execution_id: str, blob: bytes, *, whole: bool) -> Execution:
        try:
            document, rows, table = marshal.loads(blob)  # noqa: S302 - only this module's own bytes are read
        except (ValueError, EOFError, TypeError) as error:
            raise UnsupportedHead(f"head is damaged: {error!r}") from error
        wanted = [Reference(*entry) for *entry, paths in table if not all(path[0] == 1 for path in paths)]
        try:
            found = self._resolved(execution_id, wanted) if whole else None
        except UnsupportedHead:
            if document["state"] not in TERMINAL or any(
                path[:2] == [0, "output"] for *_, paths in table for path in paths
            ):
                raise
            found = None  # nothing is decided on it
        put_back([document, rows], table, found, lambda path: path[0] == 1)
        return from_document(document, tuple(HistoryEvent.from_row(row) for row in rows))

    def _resolved(self, execution_id: str, references: Iterable[Reference]) -> dict[str, Any]:
        blobs = self._payloads.get(execution_id, {})
        return {one.digest: value_of(one, blobs.get(one.digest, b"")) for one in references}

    def resolve(self, execution_id: str, value: Any, max_bytes: int) -> Any:
        """Return a copy with the payloads of what fits."""
        references = list(references_in(value))
        chosen = fitting(references, max_bytes)
        with self._lock:
            found = self._resolved(execution_id, [references[place] for place in chosen])
        return filled(value, chosen, found)

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """Compare and set."""
        taking = Taking()
        blob = encoded(execution, taking)
        with self._lock:
            self._payloads[execution.id].update(taking.blobs)
            stored = self._head(execution.id)
            if (stored.version if stored else 0) != execution.version - 1:
                if stored is None:
                    return Conflict(None)
                if stored.nonce == nonce:
                    return Committed()
                return Conflict(self._read(execution.id, stored.blob, whole=True))
            expiry = expires_at(execution, self._retention_days)
            self._heads[execution.id] = _Stored(execution.version, nonce, blob, expiry)
            if execution.version == 1:
                self._expiry.pop(execution.id, None)
            self._index(execution)
        return Committed()

    def _index(self, execution: Execution) -> None:
        if execution.version == 1 and execution.parent is None:
            self._started[execution.tenant_id][execution.id] = keys.started_key(execution)
        opened = keys.opened_at_ms(execution)
        if opened is not None:
            self._inbox[execution.tenant_id][execution.id] = keys.opened_key(execution.id, opened)
        else:
            self._inbox[execution.tenant_id].pop(execution.id, None)
        shard = self._due[keys.shard(execution.id, self._shards)]
        if execution.due_at_ms is not None:
            shard[execution.id] = keys.due_key(execution)
        else:
            shard.pop(execution.id, None)

    def list_executions(
        self,
        tenant_id: str,
        limit: int,
        cursor: str | None = None,
        states: Iterable[str] | None = None,
        definition_id: str | None = None,
    ) -> Page[Execution]:
        """Go through the tenant's executions as the index would."""
        scope = f"executions\n{tenant_id}"
        before = read_cursor(scope, cursor)
        wanted = None if states is None else frozenset(states)
        keys.state_classes(wanted)
        with self._lock:
            started = sorted(self._started.get(tenant_id, {}).values(), reverse=True)
        merged = (key for key in started if before is None or key < before)
        return fill_page(scope, merged, limit, self._load_light, wanted, definition_id)

    def _load_light(self, execution_ids: Sequence[str]) -> dict[str, Execution | SedoError]:
        return self.load(execution_ids, whole=False)

    def list_inbox(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[Execution]:
        """Go through the tenant's open tasks as the index would."""
        scope = f"inbox\n{tenant_id}"
        after = read_cursor(scope, cursor)
        with self._lock:
            opened = sorted(self._inbox.get(tenant_id, {}).values())
        following = (key for key in opened if after is None or key > after)
        return fill_page(scope, following, limit, self._load_light, None, None)

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """Yield what is due, shard after shard."""
        bound = keys.due_before(before_ms)
        for shard in self._due:
            with self._lock:
                found = sorted(key for key in shard.values() if key < bound)
            yield from map(keys.due_entry, found[:limit_per_shard])

    def put_chunk(self, execution: Execution, events: Sequence[HistoryEvent]) -> None:
        """Put a chunk, unless a longer one of the same life stands there."""
        if not events:
            return
        first, last, at_ms = events[0].seq, events[-1].seq, events[-1].at_ms
        taking = Taking()
        rows: list[Any] = [row_of(event) for event in events]
        rows, table = taking.out_of(rows, details_places([event.details for event in events], lambda i: (i, DETAILS)))
        with self._lock:
            self._payloads[execution.id].update(taking.blobs)
            stored = self._chunks[execution.id].get(last)
            if stored is None or stored[0] > first or stored[1] < at_ms:
                self._chunks[execution.id][last] = (first, at_ms, marshal.dumps((rows, table)))

    def load_chunks(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        """Return flushed events after one."""
        with self._lock:
            chunks = [blob for last, (_, _, blob) in self._chunks.get(execution.id, {}).items() if last > after_seq]
        found = [event for blob in chunks for event in events_of(blob)]
        events = {e.seq: e for e in found if e.seq > after_seq and is_of(execution, e)}
        return [events[seq] for seq in sorted(events)[:limit]]

    def stamp_expiry(self, execution: Execution) -> None:
        """Remember when what belongs to an execution goes."""
        order = stamp_order(execution)
        with self._lock:
            if order >= self._stamps.get(execution.id, 0):
                self._stamps[execution.id] = order
                self._expiry[execution.id] = expires_at(execution, self._retention_days)

    def expiry_of_rest(self, execution_id: str) -> set[int | None]:
        """Return when chunks and payloads of an execution go: nothing if there are none."""
        with self._lock:
            there = self._chunks.get(execution_id) or self._payloads.get(execution_id)
            return {self._expiry.get(execution_id)} if there else set()

    def payloads(self, execution_id: str) -> dict[str, bytes]:
        """Return the payloads of an execution themselves, for tests that damage them."""
        return self._payloads[execution_id]

    def damage(self, execution_id: str, *, version: int = 1, tenant_id: str = "") -> None:
        """Put a head there that no code can read, as a newer version of sedo might."""
        with self._lock:
            self._heads[execution_id] = _Stored(version, "", b"from the future", None)
            if tenant_id:
                self._started[tenant_id][execution_id] = f"{0:015d}#{execution_id}"

    def execution_ids(self) -> list[str]:
        """Return the ids of all heads, children's too."""
        with self._lock:
            return list(self._heads)

    def forget(self, execution_id: str) -> None:
        """Take a head away and leave the indexes behind, as between an expiry and the index's update."""
        with self._lock:
            self._heads.pop(execution_id, None)

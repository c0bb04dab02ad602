"""Heads, history chunks and definitions as DynamoDB attributes.

A head is one item. What indexes, conditions and people look at are attributes; all else is `body`, one packed blob of
the head's document and its unflushed events. They share it because inputs and outputs stand in both. What is too large
for it is taken out first (taking.py) and must be stored before the item is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import keys
from chalicelib.adapters.columns import from_columns, to_columns
from chalicelib.adapters.packing import MARKER, MARKER_WITH_TABLE, pack, unpack
from chalicelib.adapters.references import Path, Reference, Table, at_path, put_back
from chalicelib.adapters.taking import Taking, details_places, head_places, is_small
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.execution import READABLE, TERMINAL, Cursor, Execution, from_document, to_document
from chalicelib.engine.history import HistoryEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

MAX_ITEM_BYTES = 400 * 1024
MAX_BLOB_BYTES = MAX_ITEM_BYTES - 4096

# Members that are attributes of the item, and not repeated in its body.
_ATTRIBUTES = ("id", "tenant_id", "state", "version", "step", "format")
# Members left out of the body where they are None.
_OPTIONAL = ("name", "input", "output", "error", "ended_at_ms", "deadline_at_ms", "due_at_ms", "by")
_KEEP_LESS_BYTES = 512
_DETAILS = 7
_DAMAGE = (KeyError, ValueError, TypeError, IndexError, AttributeError)


class TooLarge(SedoError):
    """Packed, this is more than one DynamoDB item can hold; nothing was written."""


def encode_head(
    execution: Execution, nonce: str, shards: int, taking: Taking | None = None, expires_at: int | None = None
) -> dict[str, AttributeValueTypeDef]:
    """Return the item of a head; the payloads that it refers to are left in `taking`. Raises TooLarge."""
    document = to_document(execution)
    body = {name: value for name, value in document.items() if not (value is None and name in _OPTIONAL)}
    for name in _ATTRIBUTES:
        del body[name]
    events = [event for event in execution.events if event.seq > execution.flushed_seq]
    columns = to_columns(events)
    structure = [body, columns]
    places = () if is_small(structure) else head_places(body, columns[_DETAILS], lambda i: (1, _DETAILS, i))
    blob = _packed(structure, places, _values(execution, events), execution.id, taking or Taking())
    shard = keys.shard(execution.id, shards)
    item: dict[str, AttributeValueTypeDef] = {
        "id": {"S": execution.id},
        "tenantId": {"S": execution.tenant_id},
        "state": {"S": execution.state.value},
        "version": {"N": str(execution.version)},
        "nonce": {"S": nonce},
        "format": {"N": str(document["format"])},
        "body": {"B": blob},
    }
    if execution.parent is None:
        item["tenantKey"] = {"S": keys.tenant_key(execution.tenant_id, keys.state_class(execution.state), shard)}
        item["startedKey"] = {"S": keys.started_key(execution)}
    opened_at_ms = keys.opened_at_ms(execution)
    if opened_at_ms is not None:
        item["inboxKey"] = {"S": keys.inbox_key(execution.tenant_id, shard)}
        item["openedKey"] = {"S": keys.opened_key(execution.id, opened_at_ms)}
    if execution.step is not None:
        item["step"] = {"S": execution.step}
    if execution.due_at_ms is not None:
        item["dueShard"] = {"S": str(shard)}
        item["dueKey"] = {"S": keys.due_key(execution)}
    if expires_at is not None:
        item["expiresAt"] = {"N": str(expires_at)}
    return item


def decode_head(item: Item) -> Execution:
    """Read an item, with references for what is elsewhere. Raises UnsupportedHead for a newer or damaged one."""
    return open_head(item).execution()


def open_head(item: Item) -> OpenHead:
    """Unpack an item. Raises UnsupportedHead for one that a newer version wrote, or that is damaged."""
    try:
        found = item["format"]["N"]
        if int(found) not in READABLE:
            raise UnsupportedHead(f"head has format {found}, this code reads {READABLE}")
        return OpenHead(item, *_unpacked(item["body"]["B"], item["id"]["S"]))
    except _DAMAGE as error:
        raise UnsupportedHead(f"head is damaged: {error!r}") from error


@dataclass(frozen=True, slots=True)
class OpenHead:
    """An unpacked head whose payloads may have to be fetched."""

    item: Item
    structure: Any
    table: Table

    @property
    def ended(self) -> bool:
        """Whether the state is terminal."""
        return self.item.get("state", {}).get("S") in TERMINAL

    def wanted(self) -> list[Reference]:
        """Return what the head cannot be decided on without: all but what only its events refer to."""
        return [Reference(*entry) for *entry, paths in self.table if not all(map(_in_events, paths))]

    def references(self) -> list[Reference]:
        """Return all that the head refers to."""
        return [Reference(*entry) for *entry, _ in self.table]

    def execution(self, found: Mapping[str, Any] | None = None) -> Execution:
        """Return the head with the payloads that were `found`, by digest. Its events keep references.

        Without them, all keep references. Raises UnsupportedHead for a damaged head, and for payloads that are missing.
        """
        item = self.item
        try:
            put_back(self.structure, self.table, found, _in_events)
            body, columns = self.structure
            document = dict.fromkeys(_OPTIONAL) | body
            document |= {
                "id": item["id"]["S"],
                "tenant_id": item["tenantId"]["S"],
                "state": item["state"]["S"],
                "version": int(item["version"]["N"]),
                "step": item["step"]["S"] if "step" in item else None,
                "format": int(item["format"]["N"]),
            }
            return from_document(document, from_columns(columns))
        except _DAMAGE as error:
            raise UnsupportedHead(f"head is damaged: {error!r}") from error


def encode_events(execution_id: str, events: Sequence[HistoryEvent], taking: Taking | None = None) -> bytes:
    """Return the blob of a history chunk; the payloads that it refers to are left in `taking`. Raises TooLarge."""
    columns = to_columns(events)
    places = () if is_small(columns) else tuple(details_places(columns[_DETAILS], lambda i: (_DETAILS, i)))
    return _packed(columns, places, _details(events), execution_id, taking or Taking())


def decode_events(execution_id: str, blob: bytes) -> tuple[HistoryEvent, ...]:
    """Read what `encode_events` wrote, with references for what is elsewhere. Raises UnsupportedHead."""
    try:
        columns, table = _unpacked(blob, execution_id)
        put_back(columns, table, None, _in_events)
        return from_columns(columns)
    except _DAMAGE as error:
        raise UnsupportedHead(f"history chunk is damaged: {error!r}") from error


def encode_document(document: dict[str, Any]) -> bytes:
    """Return the blob of a posted definition. Raises TooLarge."""
    return _bounded(pack(document, [document]), "the definition")


def decode_document(blob: bytes) -> dict[str, Any]:
    """Read what `encode_document` wrote. Raises UnsupportedHead."""
    document: dict[str, Any] = unpack(blob)
    return document


def _in_events(path: Sequence[Any]) -> bool:
    return bool(path[0] == 1)


def _packed(
    structure: list[Any], places: Sequence[Path], shared: Iterable[Any], execution_id: str, taking: Taking
) -> bytes:
    """Pack a structure without what is large at its places; if it does not fit then, without what is hardly large."""
    for keep_bytes in (taking.keep_bytes, _KEEP_LESS_BYTES):
        taking.keep_bytes = keep_bytes
        left, table = taking.out_of(structure, places)
        if table:
            left_over = [at_path(left, path) for path in places]
            blob = pack([table, left], left_over, execution_id, MARKER_WITH_TABLE)
        else:
            blob = pack(structure, shared, execution_id, MARKER)
        if len(blob) <= MAX_BLOB_BYTES:
            break
    return _bounded(blob, execution_id)


def _unpacked(blob: bytes, execution_id: str) -> tuple[Any, Table]:
    value = unpack(blob, execution_id)
    if blob[0] == MARKER_WITH_TABLE:
        table, structure = value
        return structure, table
    return value, []


def _values(execution: Execution, events: Sequence[HistoryEvent]) -> list[Any]:
    """Return the parts of a head that hold the user's data."""
    values = [execution.input, execution.output, execution.error, execution.stash]
    values += [execution.shown, execution.parent, execution.ending, *execution.signals]
    for cursor in (*execution.cursors, *execution.kept):
        values += _of_cursor(cursor)
    values.extend(_details(events))
    return values


def _of_cursor(cursor: Cursor) -> list[Any]:
    return [cursor.input, cursor.held, cursor.vars]


def _details(events: Sequence[HistoryEvent]) -> list[Any]:
    return [value for event in events for value in event.details.values()]


def _bounded(blob: bytes, what: str) -> bytes:
    if len(blob) > MAX_BLOB_BYTES:
        raise TooLarge(f"{what} takes {len(blob)} bytes when packed; an item can hold {MAX_BLOB_BYTES}")
    return blob

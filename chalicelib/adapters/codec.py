"""Heads, history chunks and definitions as DynamoDB attributes.

A head is one item. What indexes, conditions and people look at are attributes; all else is `body`, one packed blob of
the head's document and its unflushed events. They share it because inputs and outputs stand in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import keys
from chalicelib.adapters.columns import from_columns, to_columns
from chalicelib.adapters.packing import pack, unpack
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.execution import READABLE, Cursor, Execution, from_document, to_document
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


class TooLarge(SedoError):
    """Packed, this is more than one DynamoDB item can hold; nothing was written."""


def encode_head(execution: Execution, nonce: str, shards: int) -> dict[str, AttributeValueTypeDef]:
    """Return the item of a head. Raises TooLarge."""
    document = to_document(execution)
    body = {name: value for name, value in document.items() if not (value is None and name in _OPTIONAL)}
    for name in _ATTRIBUTES:
        del body[name]
    events = [event for event in execution.events if event.seq > execution.flushed_seq]
    blob = _bounded(pack([body, to_columns(events)], _values(execution, events), execution.id), execution.id)
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
    return item


def decode_head(item: Item) -> Execution:
    """Read an item. Raises UnsupportedHead for one that a newer version wrote, or that is damaged."""
    try:
        found = item["format"]["N"]
        if int(found) not in READABLE:
            raise UnsupportedHead(f"head has format {found}, this code reads {READABLE}")
        execution_id = item["id"]["S"]
        body, columns = unpack(item["body"]["B"], execution_id)
        document = dict.fromkeys(_OPTIONAL) | body
        document |= {
            "id": execution_id,
            "tenant_id": item["tenantId"]["S"],
            "state": item["state"]["S"],
            "version": int(item["version"]["N"]),
            "step": item["step"]["S"] if "step" in item else None,
            "format": int(found),
        }
        return from_document(document, from_columns(columns))
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise UnsupportedHead(f"head is damaged: {error!r}") from error


def encode_events(execution_id: str, events: Sequence[HistoryEvent]) -> bytes:
    """Return the blob of a history chunk. Raises TooLarge."""
    return _bounded(pack(to_columns(events), _details(events), execution_id), execution_id)


def decode_events(execution_id: str, blob: bytes) -> tuple[HistoryEvent, ...]:
    """Read what `encode_events` wrote. Raises UnsupportedHead."""
    try:
        return from_columns(unpack(blob, execution_id))
    except (ValueError, TypeError, IndexError) as error:
        raise UnsupportedHead(f"history chunk is damaged: {error!r}") from error


def encode_document(document: dict[str, Any]) -> bytes:
    """Return the blob of a posted definition. Raises TooLarge."""
    return _bounded(pack(document, [document]), "the definition")


def decode_document(blob: bytes) -> dict[str, Any]:
    """Read what `encode_document` wrote. Raises UnsupportedHead."""
    document: dict[str, Any] = unpack(blob)
    return document


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

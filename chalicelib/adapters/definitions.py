"""Definitions: the latest under its id, every version for ever beside it under a sort key after all ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from chalicelib.adapters import keys
from chalicelib.adapters.aws import Clients, reaching_aws, rounds
from chalicelib.adapters.codec import decode_document, encode_document
from chalicelib.adapters.cursors import make_cursor, read_cursor
from chalicelib.adapters.timetables import Timetables
from chalicelib.engine.timetable import Row, Timetable
from chalicelib.ports import Page, StoredDefinition, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, DeleteTypeDef

T = TypeVar("T")

_LOST = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_BUSY = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})


class Definitions:
    """The table `sedo_definition`."""

    def __init__(self, clients: Clients, timetables: Timetables) -> None:
        self._clients = clients
        self._timetables = timetables
        self._table = clients.settings.resource("definition")

    def put(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row]
    ) -> int:
        """See Store.put_definition. Raises TooLarge."""
        blob = encode_document(document)
        for _ in rounds("put_definition"):
            version = self._last_version(tenant_id, definition_id) + 1
            timetable = Timetable(tenant_id, definition_id, version, tuple(rows))
            if self._put_version(timetable, blob, now_ms):
                return version
        raise AssertionError("rounds() raises at its end")

    def _last_version(self, tenant_id: str, definition_id: str) -> int:
        """Return the highest number ever given, also of a definition that was deleted; 0 for none."""
        for item in self._query(tenant_id, keys.version_prefix(definition_id), None, 0):
            return int(item["version"]["N"])
        return 0

    def _put_version(self, timetable: Timetable, blob: bytes, now_ms: int) -> bool:
        """Write a version, the latest and the timetable together; False when somebody else took the number."""
        definition_id, version = timetable.definition_id, timetable.definition_version
        item: dict[str, AttributeValueTypeDef] = {
            "tenantId": {"S": timetable.tenant_id},
            "version": {"N": str(version)},
            "createdAt": {"N": str(now_ms)},
            "document": {"B": blob},
        }
        try:
            with reaching_aws():
                self._clients.dynamodb.transact_write_items(
                    TransactItems=[
                        {
                            "Put": {
                                "TableName": self._table,
                                "Item": item | {"id": {"S": keys.version_key(definition_id, version)}},
                                "ConditionExpression": "attribute_not_exists(id)",
                            }
                        },
                        {
                            "Put": {
                                "TableName": self._table,
                                "Item": item | {"id": {"S": definition_id}},
                                "ConditionExpression": "attribute_not_exists(id) OR #version < :version",
                                "ExpressionAttributeNames": {"#version": "version"},
                                "ExpressionAttributeValues": {":version": {"N": str(version)}},
                            }
                        },
                        self._timetables.written_with(timetable),
                    ]
                )
        except ClientError as error:
            return _not_written(error)
        return True

    def get(self, tenant_id: str, definition_id: str, version: int | None) -> StoredDefinition | None:
        """See Store.get_definition. Raises UnsupportedHead for a document that cannot be read."""
        if version is not None and not 0 < version <= keys.MAX_VERSION:
            return None
        sort_key = definition_id if version is None else keys.version_key(definition_id, version)
        if version is None and sort_key.startswith(keys.VERSION_MARK):
            return None
        with reaching_aws():
            item = self._clients.dynamodb.get_item(
                TableName=self._table,
                Key={"tenantId": {"S": tenant_id}, "id": {"S": sort_key}},
                ConsistentRead=True,
            ).get("Item")
        if item is None:
            return None
        return StoredDefinition(
            tenant_id=tenant_id,
            id=definition_id,
            version=int(item["version"]["N"]),
            created_at_ms=int(item["createdAt"]["N"]),
            document=decode_document(item["document"]["B"]),
        )

    def delete(self, tenant_id: str, definition_id: str) -> bool:
        """See Store.delete_definition."""
        if definition_id.startswith(keys.VERSION_MARK):
            return False
        for _ in rounds("delete_definition"):
            deleted = self._delete(tenant_id, definition_id)
            if deleted is not None:
                return deleted
        raise AssertionError("rounds() raises at its end")

    def _delete(self, tenant_id: str, definition_id: str) -> bool | None:
        """Delete the latest and its timetable together; False when there is none, None to be tried again."""
        latest: DeleteTypeDef = {
            "TableName": self._table,
            "Key": {"tenantId": {"S": tenant_id}, "id": {"S": definition_id}},
            "ConditionExpression": "attribute_exists(id)",
        }
        timetable = self._timetables.written_with(Timetable(tenant_id, definition_id, 0, ()))
        try:
            with reaching_aws():
                self._clients.dynamodb.transact_write_items(TransactItems=[{"Delete": latest}, timetable])
        except ClientError as error:
            _not_written(error)
            return False if _reasons(error)[:1] == ["ConditionalCheckFailed"] else None
        return True

    def ids(self, tenant_id: str, limit: int, cursor: str | None) -> Page[str]:
        """See Store.list_definitions."""
        scope = f"definitions\n{tenant_id}"
        after = read_cursor(scope, cursor)
        ids = [item["id"]["S"] for item in self._query(tenant_id, None, after, limit)]
        return _page(scope, ids, ids, limit)

    def versions(self, tenant_id: str, definition_id: str, limit: int, cursor: str | None) -> Page[tuple[int, int]]:
        """See Store.list_versions."""
        scope = f"versions\n{tenant_id}\n{definition_id}"
        after = read_cursor(scope, cursor)
        found = list(self._query(tenant_id, keys.version_prefix(definition_id), after, limit))
        rows = [(int(item["version"]["N"]), int(item["createdAt"]["N"])) for item in found]
        return _page(scope, rows, [item["id"]["S"] for item in found], limit)

    def _query(self, tenant_id: str, prefix: str | None, after: str | None, limit: int) -> Iterator[Any]:
        """Yield up to limit + 1 items without documents: ids upwards, or with a prefix its versions downwards."""
        bound = prefix or keys.VERSION_MARK
        condition = "begins_with(id, :bound)" if prefix else "id < :bound"
        start: Any = {"tenantId": {"S": tenant_id}, "id": {"S": after}} if after else None
        left = limit + 1
        while left > 0:
            with reaching_aws():
                answer = self._clients.dynamodb.query(
                    TableName=self._table,
                    KeyConditionExpression=f"tenantId = :t AND {condition}",
                    ExpressionAttributeValues={":t": {"S": tenant_id}, ":bound": {"S": bound}},
                    ExpressionAttributeNames={"#version": "version"},
                    ProjectionExpression="id, #version, createdAt",
                    ScanIndexForward=prefix is None,
                    ConsistentRead=True,
                    Limit=left,
                    **({"ExclusiveStartKey": start} if start else {}),
                )
            yield from answer["Items"]
            left -= len(answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if not start:
                return


def _page(scope: str, rows: list[T], positions: list[str], limit: int) -> Page[T]:
    """Return the first `limit` rows; one row more than that says that there is a next page."""
    cursor = make_cursor(scope, positions[limit - 1]) if len(rows) > limit else None
    return Page(rows[:limit], cursor)


def _not_written(error: ClientError) -> bool:
    """Return False where trying again helps; raise otherwise."""
    reasons = _reasons(error)
    if _BUSY.intersection(reasons):
        raise Unavailable(str(error)) from error
    if not _LOST.intersection(reasons):
        raise error
    return False


def _reasons(error: ClientError) -> list[str | None]:
    """Return why a transaction was cancelled, in the order of its parts."""
    return [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]

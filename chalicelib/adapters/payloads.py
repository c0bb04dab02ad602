"""Payloads: values too large for a head, stored under their content's digest before anything refers to them.

Named by content, so that it does not matter who writes one, how often, and whether the commit it was written for wins.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from chalicelib.adapters.aws import Clients, reaching_aws, rounds
from chalicelib.adapters.references import Reference, parts_of_blob, value_of
from chalicelib.adapters.taking import Taking
from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.execution import Execution

WRITES = 10
READS = 40
"""Parts in one request: of full ones about 4 MB and 15 MB, and a request answers with 16 MB at most."""
REMEMBERED = 10_000


class Payloads:
    """The table `sedo_payload`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._table = clients.settings.resource("payload")
        self._lock = Lock()
        self._stored: OrderedDict[tuple[str, int, str], int] = OrderedDict()

    def taking(self, execution: Execution) -> Taking:
        """Return what takes large values out of a head, or its events, and knows what this process saw stored."""
        return Taking(lambda digest: self._recall((execution.id, execution.started_at_ms, digest)))

    def put(self, execution: Execution, blobs: Mapping[str, bytes]) -> None:
        """Store payloads by digest; writing one again changes nothing."""
        parts = [
            {
                "executionId": {"S": execution.id},
                "digest": {"S": _part_key(digest, number)},
                "body": {"B": part},
            }
            for digest, blob in blobs.items()
            for number, part in enumerate(parts_of_blob(blob))
        ]
        for start in range(0, len(parts), WRITES):
            self._write(parts[start : start + WRITES])
        for digest, blob in blobs.items():
            self._remember((execution.id, execution.started_at_ms, digest), len(parts_of_blob(blob)))

    def _write(self, items: Sequence[Any]) -> None:
        wanted: Any = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        for _ in rounds("put payloads"):
            with reaching_aws():
                answer = self._clients.dynamodb.batch_write_item(RequestItems=wanted)
            wanted = answer.get("UnprocessedItems")
            if not wanted:
                break

    def load(self, wanted: Mapping[str, Iterable[Reference]]) -> dict[str, dict[str, Any]]:
        """Return values by digest of executions by id, read consistently; what is missing or damaged is left out."""
        references = {(name, one.digest): one for name, many in wanted.items() for one in many}
        places = [(name, digest, number) for (name, digest), one in references.items() for number in range(one.parts)]
        parts: dict[tuple[str, str], bytes] = {}
        for start in range(0, len(places), READS):
            parts |= self._read(places[start : start + READS])
        found: dict[str, dict[str, Any]] = {name: {} for name in wanted}
        for (name, digest), one in references.items():
            blob = b"".join(parts.get((name, _part_key(digest, number)), b"") for number in range(one.parts))
            try:
                found[name][digest] = value_of(one, blob)
            except UnsupportedHead:  # whoever needs it says so
                continue
        return found

    def loaded(self, execution: Execution, references: Iterable[Reference]) -> None:
        """Remember what a head refers to, so that the next commit does not write it again."""
        for one in references:
            self._remember((execution.id, execution.started_at_ms, one.digest), one.parts)

    def _read(self, places: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], bytes]:
        keys = [{"executionId": {"S": name}, "digest": {"S": _part_key(digest, i)}} for name, digest, i in places]
        wanted: Any = {self._table: {"Keys": keys, "ConsistentRead": True}}
        parts: dict[tuple[str, str], bytes] = {}
        for _ in rounds("load payloads"):
            with reaching_aws():
                answer = self._clients.dynamodb.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self._table, ()):
                parts[item["executionId"]["S"], item["digest"]["S"]] = bytes(item["body"]["B"])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
        return parts

    def _recall(self, key: tuple[str, int, str]) -> int | None:
        with self._lock:
            return self._stored.get(key)

    def _remember(self, key: tuple[str, int, str], parts: int) -> None:
        with self._lock:
            self._stored[key] = parts
            self._stored.move_to_end(key)
            while len(self._stored) > REMEMBERED:
                self._stored.popitem(last=False)


def _part_key(digest: str, number: int) -> str:
    return f"{digest}#{number:03d}"

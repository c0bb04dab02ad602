"""A counter at the boundary: every request really sent (retries too) and the capacity that DynamoDB says it used.

Off by default; `SEDO_METER=true` switches it on, and then every DynamoDB request asks for its consumed capacity.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_WITH_CAPACITY = (
    "PutItem", "GetItem", "DeleteItem", "UpdateItem", "Query", "BatchGetItem", "BatchWriteItem", "TransactWriteItems",
)  # fmt: skip
_WRITES = frozenset({"PutItem", "DeleteItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"})


@dataclass
class Reading:
    """What was counted.

    `requests` by `service.Operation`, tries again included; `calls` that were answered by `Operation.table`; capacity
    `units` by `write|read.table` or `write|read.table/index`.
    """

    requests: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    units: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def document(self) -> dict[str, Any]:
        """Return the three as plain objects."""
        return {"requests": dict(self.requests), "calls": dict(self.calls), "units": dict(self.units)}


class Meter:
    """Counts what clients send, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading = Reading()

    def snapshot(self) -> Reading:
        """Return a copy of what was counted since the start or the last reset."""
        with self._lock:
            now = self._reading
            return Reading(Counter(now.requests), Counter(now.calls), defaultdict(float, now.units))

    def reset(self) -> Reading:
        """Begin again from nothing; return what was counted until now."""
        with self._lock:
            last, self._reading = self._reading, Reading()
            return last

    def watch(self, client: Any) -> None:
        """Count what this boto3 client sends from now on."""
        service = client.meta.service_model.service_name
        events = client.meta.events
        events.register(f"before-send.{service}.*", self._on_send)
        if service == "dynamodb":
            for operation in _WITH_CAPACITY:
                events.register(f"provide-client-params.{service}.{operation}", _ask_for_capacity)
                events.register(f"after-call.{service}.{operation}", self._on_answer)

    def sent(self, name: str) -> None:
        """Count one attempt of `service.Operation`."""
        with self._lock:
            self._reading.requests[name] += 1

    def answered(self, operation: str, answer: dict[str, Any]) -> None:
        """Count the capacity that an answer of DynamoDB tells."""
        consumed = answer.get("ConsumedCapacity") or []
        kind = "write" if operation in _WRITES else "read"
        with self._lock:
            for entry in consumed if isinstance(consumed, list) else [consumed]:
                self._consumed(operation, f"{kind}.{entry.get('TableName')}", entry)

    def _on_send(self, event_name: str, **_: Any) -> None:
        self.sent(event_name.removeprefix("before-send."))

    def _on_answer(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.answered(model.name, parsed)

    def _consumed(self, operation: str, name: str, entry: dict[str, Any]) -> None:
        self._reading.calls[f"{operation}.{entry.get('TableName')}"] += 1
        left = float(entry.get("CapacityUnits", 0.0))
        for index, of_index in entry.get("GlobalSecondaryIndexes", {}).items():
            units = float(of_index.get("CapacityUnits", 0.0))
            self._reading.units[f"{name}/{index}"] += units
            left -= units
        self._reading.units[name] += left


def _ask_for_capacity(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "INDEXES"


@lru_cache(maxsize=1)
def meter_of_process() -> Meter:
    """Return the one meter that all clients of this process share."""
    return Meter()

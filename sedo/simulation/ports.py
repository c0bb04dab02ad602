"""Store and Queue as one invocation sees them: every call goes through `World.io`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.engine.definition import Definition
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution, is_of
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable
from chalicelib.ports import Committed, Conflict, DueEntry, Message, Outgoing, Page, StoredDefinition
from chalicelib.runtime import Runtime

from sedo.simulation.invocations import Invocation, Parcel
from sedo.simulation.outside import ScriptedRunner
from sedo.simulation.world import World

Cache = OrderedDict[tuple[str, str, int], Definition]


class SimulatedStore:
    """The store, for one invocation."""

    def __init__(self, world: World, who: Invocation) -> None:
        self.world = world
        self.who = who

    def put_definition(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row] = ()
    ) -> int:
        """Append a version."""
        return self.world.io(
            self.who,
            "put_definition",
            lambda: self.world.timetables.post(tenant_id, definition_id, document, rows),
        )

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Return a definition of the run."""
        return self.world.io(self.who, "get_definition", lambda: self._definition(tenant_id, definition_id, version))

    def _definition(self, tenant_id: str, definition_id: str, version: int | None) -> StoredDefinition | None:
        latest = self.world.versions.get((tenant_id, definition_id), 0)
        return self.world.definitions.get((tenant_id, definition_id, latest if version is None else version))

    def list_definitions(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[str]:
        """Not part of a run."""
        raise NotImplementedError

    def list_versions(
        self, tenant_id: str, definition_id: str, limit: int, cursor: str | None = None
    ) -> Page[tuple[int, int]]:
        """Not part of a run."""
        raise NotImplementedError

    def delete_definition(self, tenant_id: str, definition_id: str) -> bool:
        """Not part of a run."""
        raise NotImplementedError

    def load_timetable(self, tenant_id: str, definition_id: str) -> Timetable | None:
        """Return the timetable of the run's one definition that may have one."""
        return self.world.io(self.who, "load_timetable", lambda: self.world.timetables.current)

    def save_timetable(self, timetable: Timetable) -> bool:
        """Write it if nobody else has."""
        return self.world.io(self.who, "save_timetable", lambda: self.world.timetables.save(self.who, timetable))

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """Return copies of heads; their values are small, so that all are whole."""
        return self.world.io(self.who, "load", lambda: self._load(execution_ids))

    def _load(self, execution_ids: Sequence[str]) -> dict[str, Execution | SedoError]:
        heads = self.world.heads
        return {name: self.world.thaw(heads[name]) for name in execution_ids if name in heads}

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """Write a head if the version fits."""
        return self.world.io(self.who, "commit", lambda: self.world.commit(self.who, execution, nonce))

    def list_executions(
        self,
        tenant_id: str,
        limit: int,
        cursor: str | None = None,
        states: Iterable[str] | None = None,
        definition_id: str | None = None,
    ) -> Page[Execution]:
        """Not part of a run."""
        raise NotImplementedError

    def list_inbox(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[Execution]:
        """Not part of a run."""
        raise NotImplementedError

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """Return the index, now and then as it was some time ago."""
        struck = len(self.world.faults.fired)
        return self.world.io(self.who, "due", lambda: self._due(before_ms, self._lag_ms(struck)))

    def _lag_ms(self, struck: int) -> int:
        if not any(fault.kind == "stale" for fault in self.world.faults.fired[struck:]):
            return 0
        lag = int(200_000 * self.world.faults.parameter())
        self.world.tell(self.who, f"reads the index as it was {lag / 1000} s ago")
        return lag

    def _due(self, before_ms: int, lag_ms: int) -> list[DueEntry]:
        return [entry for entry in self.world.due_entries(lag_ms) if entry.due_at_ms < before_ms]

    def put_chunk(self, execution: Execution, events: Sequence[HistoryEvent]) -> None:
        """Write a chunk."""
        self.world.io(self.who, "put_chunk", lambda: self.world.put_chunk(self.who, execution.id, events))

    def load_chunks(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        """Return flushed events, as few as the contract allows."""
        return self.world.io(self.who, "load_chunks", lambda: self._chunks(execution, after_seq, limit))

    def resolve(self, execution_id: str, value: Any, max_bytes: int) -> Any:
        """Return the value: nothing in a run is large."""
        return value

    def stamp_expiry(self, execution: Execution) -> None:
        """Let chunks expire: nothing in a run lives long enough to see it."""
        self.world.io(self.who, "stamp_expiry", lambda: self.world.stamp(self.who, execution))

    def _chunks(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        found: list[HistoryEvent] = []
        for last_seq, events in sorted(self.world.chunks.get(execution.id, {}).items()):
            seen = found[-1].seq if found else after_seq
            if last_seq > seen and len(found) < limit:
                found += [event for event in events if event.seq > seen and is_of(execution, event)]
        return found


class SimulatedQueue:
    """The queues, for one invocation."""

    def __init__(self, world: World, who: Invocation, handles: dict[str, tuple[Parcel, int]]) -> None:
        self.world = world
        self.who = who
        self.handles = handles

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Send in batches of ten, each a request of its own."""
        names = {outgoing.message.execution_id for outgoing in messages}
        alone = [name for name in names if self.who.writes_alone(name)]
        # A start that is repeated by its name sends what may be there already.
        self.world.disturbed.update(name for name in alone if self.world.makers.get(name) is not self.who)
        refused: list[Outgoing] = []
        for start in range(0, len(messages), 10):
            refused += self._send(messages[start : start + 10])
        return refused

    def _is_left_alone(self, message: Message) -> bool:
        """Say whether nobody sends again what was refused: what a timetable starts it starts again."""
        head, ticks = self.world.current.get(message.execution_id), self.world.timetables
        driven = [] if head is None else [(head, cursor) for cursor in head.cursors if cursor.token == message.token]
        begun = any(ticks.is_of_start(head, cursor) for head, cursor in driven)
        return self.who.writes_alone(message.execution_id) and not begun

    def _send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        struck = len(self.world.faults.fired)
        return self.world.io(self.who, "send", lambda: self._arrive(messages, struck))

    def _arrive(self, messages: Sequence[Outgoing], struck: int) -> list[Outgoing]:
        world = self.world
        kinds = {fault.kind.removeprefix("api_") for fault in world.faults.fired[struck:]}
        if not kinds:
            for outgoing in messages:
                world.post.send(self.who, outgoing, delay_ms=outgoing.delay_seconds * 1000, lost=False)
            return []
        return self._arrive_struck(messages, kinds)

    def _arrive_struck(self, messages: Sequence[Outgoing], kinds: set[str]) -> list[Outgoing]:
        world = self.world
        strength = world.faults.parameter()
        refused = messages[: 1 + int(strength * len(messages))] if "half_sent" in kinds else []
        for outgoing in messages:
            if outgoing in refused:
                world.tell(self.who, f"{outgoing.message.token} of {outgoing.message.execution_id} is refused")
                world.disturbed.add(outgoing.message.execution_id)
                self.who.troubled.add(outgoing.message.execution_id.partition(".")[0])
                if self._is_left_alone(outgoing.message):
                    world.drivers.excused.add((outgoing.message.execution_id, outgoing.message.token))
                continue
            delay = outgoing.delay_seconds * 1000
            if "late" in kinds:
                delay += int(600_000 * strength)
            if "early" in kinds:
                delay = max(0, delay - int(100_000 * strength))
            if kinds & {"late", "early"}:
                world.disturbed.add(outgoing.message.execution_id)
            world.post.send(self.who, outgoing, delay_ms=delay, lost="lost" in kinds)
        return list(refused)

    def backlog(self) -> int:
        """Say how many messages wait; now and then, and then for a while, very many."""
        struck = len(self.world.faults.fired)
        return self.world.io(self.who, "backlog", lambda: self._backlog(struck))

    def _backlog(self, struck: int) -> int:
        if any(fault.kind == "busy" for fault in self.world.faults.fired[struck:]):
            minutes = 5 + int(40 * self.world.faults.parameter())
            self.world.busy_until_ms = self.world.hub.now_ms + minutes * 60_000
            self.world.tell(self.who, f"sees a backlog of a million messages, for {minutes} minutes")
        return 1_000_000 if self.world.hub.now_ms < self.world.busy_until_ms else 0

    def delete(self, queue_arn: str, receipt_handles: Sequence[str]) -> None:
        """Delete by receipt handles; an old handle does so only now and then, as in SQS."""
        self.world.io(self.who, "delete", lambda: self._delete(receipt_handles))

    def _delete(self, receipt_handles: Sequence[str]) -> None:
        for handle in receipt_handles:
            parcel, receives = self.handles[handle]
            if parcel.receives == receives or self.world.random.random() < 0.5:
                self.world.post.delete(self.who, [parcel])


def make_runtime(world: World, who: Invocation, cache: Cache, handles: dict[str, tuple[Parcel, int]]) -> Runtime:
    """Return what the real code works with, for one invocation."""
    hub = world.hub

    def sleep(seconds: float) -> None:
        hub.park(int(seconds * 1000))
        if not who.alive or hub.now_ms > who.limit_ms:
            world.kill(who)

    def nonces() -> str:
        return f"n{world.number('nonce')}"

    return Runtime(
        settings=world.settings,
        store=SimulatedStore(world, who),
        queue=SimulatedQueue(world, who, handles),
        tasks=ScriptedRunner(world, who),
        now_ms=lambda: hub.now_ms + who.skew_ms,
        nonces=nonces,
        sleep=sleep,
        flush_above_bytes=world.flush_above_bytes,
        run_all=hub.run_all,
        aside=hub,
        _parsed=cache,
    )

"""Store, Queue and TaskRunner as one invocation sees them: every call goes through `World.io`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.engine.definition import Definition
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution, is_of
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable
from chalicelib.ports import Committed, Conflict, DueEntry, Outgoing, Page, StoredDefinition, Unavailable
from chalicelib.runtime import Runtime

from sedo.simulation.checks import Violation
from sedo.simulation.hub import Killed
from sedo.simulation.invocations import Invocation, Parcel
from sedo.simulation.scenarios import Answer, answer_of, result_of
from sedo.simulation.trees import PLACES, number_of, scripted
from sedo.simulation.world import World

Cache = OrderedDict[tuple[str, str, int], Definition]


class PoisonError(Exception):
    """What a broken step does to the processor: it raises, each time."""


class SimulatedStore:
    """The store, for one invocation."""

    def __init__(self, world: World, who: Invocation) -> None:
        self.world = world
        self.who = who

    def put_definition(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row] = ()
    ) -> int:
        """Not part of a run: definitions are there from the beginning."""
        raise NotImplementedError

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Return a definition of the run."""
        key = (tenant_id, definition_id, version or 1)
        return self.world.io(self.who, "get_definition", lambda: self.world.definitions.get(key))

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
        """Not part of a run."""
        raise NotImplementedError

    def save_timetable(self, timetable: Timetable) -> bool:
        """Not part of a run."""
        raise NotImplementedError

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
        entries = self.world.due_entries(lag_ms)
        return [DueEntry(name, moment, watchdog) for moment, name, watchdog in entries if moment < before_ms]

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
        if self.who.kind == "api":  # a start that is repeated by its name sends what may be there already
            names = {outgoing.message.execution_id for outgoing in messages}
            self.world.disturbed.update(name for name in names if self.world.makers.get(name) is not self.who)
        refused: list[Outgoing] = []
        try:
            for start in range(0, len(messages), 10):
                refused += self._send(messages[start : start + 10])
        except (Unavailable, Killed):
            if self.who.kind == "api":
                self.world.drivers.excuse_sends_of(self.who)
            raise
        return refused

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
                if self.who.kind == "api":
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


class ScriptedRunner:
    """Outside calls whose outcomes follow from the execution's script, the visit and the attempt alone."""

    def __init__(self, world: World, who: Invocation) -> None:
        self.world = world
        self.who = who

    def perform(self, task: Task) -> TaskResult:
        """Take the time of the answer, and give it."""
        answer = _scripted(task)
        return self.world.io(self.who, "perform", lambda: self._answer(task, answer), answer.takes_ms)

    def _answer(self, task: Task, answer: Answer) -> TaskResult:
        name = task.idempotency_key.split("/")[0]
        self._count(name, task)
        if self.world.story is not None:
            ending = "POISON" if answer.poison else answer.error or "fine"
            self.world.tell(self.who, f"calls outside for {task.step} visit {task.visit}.{task.attempt}: {ending}")
        if answer.poison:
            self.world.disturbed.add(name)
            raise PoisonError(f"visit {task.visit} of {name}")
        if answer.error is not None:
            return TaskResult(error=answer.error, cause="as scripted")
        script, *rest = _place(task)
        if not rest:
            return TaskResult(value=result_of(task.type, task.visit))
        if "body" in task.request:
            self.world.called(task, name)
        number = number_of(script, rest[0], int(rest[1]) if len(rest) > 1 else None, task.attempt)
        if task.type == "queue":
            return TaskResult(value={"messageId": f"m{number}"})
        return TaskResult(value={"status": 200, "headers": {}, "body": {"n": number}})

    def _count(self, name: str, task: Task) -> None:
        world = self.world
        world.counts.calls += 1
        for parcel in self.who.parcels:
            if parcel.message.execution_id == name and task.idempotency_key.split("/")[-2] != task.step:
                raise Violation("calls", f"{name}: the idempotency key {task.idempotency_key} is not of {task.step}")
        times = world.calls[(name, task.visit, task.attempt)] = world.calls.get((name, task.visit, task.attempt), 0) + 1
        if times > 1 and not world.is_disturbed(name):
            raise Violation("calls", f"{name}: visit {task.visit}.{task.attempt} is performed again for no reason")


def _place(task: Task) -> list[str]:
    """Return the script, and in definitions that branch the step and the item's number, which stand in the address."""
    place = {"lambda": "function", "queue": "queue"}.get(task.type)
    if place is not None:
        return str(task.request[place]).split(PLACES)
    return str(task.request["url"]).removeprefix("http://there/").split("/")


def _scripted(task: Task) -> Answer:
    script, *rest = _place(task)
    if not rest:
        return answer_of(script, task.visit, task.attempt, task.timeout_seconds)
    index = int(rest[1]) if len(rest) > 1 else None
    return scripted(script, rest[0], index, task.attempt, task.timeout_seconds)


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
        call_all=hub.run_all,
        _parsed=cache,
    )

"""The world of one run: its I/O calls and what strikes there, its heads and chunks, and who drives what."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from chalicelib.engine.effects import Task
from chalicelib.engine.execution import Execution, due_is_watchdog, from_document, to_document
from chalicelib.engine.history import HistoryEvent
from chalicelib.ports import Committed, Conflict, DueEntry, StoredDefinition, Unavailable
from chalicelib.settings import Settings

from sedo.simulation.checks import Record, Violation, check_chunk, check_commit
from sedo.simulation.drivers import Drivers, still_there
from sedo.simulation.faults import Faults
from sedo.simulation.hub import Hub, Killed
from sedo.simulation.invocations import START_MS, Invocation, Parcel
from sedo.simulation.post import Post
from sedo.simulation.ticker import Ticker
from sedo.simulation.timetables import Timetables

T = TypeVar("T")


@dataclass(slots=True)
class Stored:
    """A head as bytes, so that nobody shares an object with anybody; its events are shared, and checked at the end."""

    version: int
    nonce: str
    frozen: bytes
    events: tuple[HistoryEvent, ...]


@dataclass
class Counts:
    """What happened in a run, for its report."""

    commits: int = 0
    messages: int = 0
    invocations: int = 0
    calls: int = 0
    looks_that_replaced: int = 0


class World:
    """The state of one run. Effects happen at once and whole; `io` is where time passes and faults strike."""

    def __init__(
        self, seed: str, settings: Settings, faults: Faults, visibility_ms: int, *, trace: bool = False
    ) -> None:
        self.random = Random(f"world {seed}")
        self.settings = settings
        self.faults = faults
        self.visibility_ms = visibility_ms
        self.flush_above_bytes = 1024 if self.random.random() < 0.5 else 150  # what is short here is long elsewhere
        self.hub = Hub(START_MS)
        self.counts = Counts()
        self.post = Post(self)
        self.ticker = Ticker(self)
        self.timetables = Timetables(self)
        self.heads: dict[str, Stored] = {}
        self.current: dict[str, Execution] = {}
        self.records: dict[str, Record] = {}
        self.chunks: dict[str, dict[int, tuple[HistoryEvent, ...]]] = {}
        self.stamped: set[str] = set()
        self.stamps: dict[str, int] = {}
        self.definitions: dict[tuple[str, str, int], StoredDefinition] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.due_log: dict[str, list[tuple[int, int | None, bool]]] = {}
        self.makers: dict[str, Invocation] = {}
        self.drivers = Drivers(self)
        self.calls: dict[tuple[str, int, int], int] = {}
        self.calls_of: dict[tuple[str, str, int, int], int] = {}
        self.called_at: dict[str, dict[tuple[int, int], int]] = {}
        self.disturbed: set[str] = set()
        self.outage_until_ms = 0
        self.busy_until_ms = 0
        self.calm = False
        self.begin: Callable[[str, list[Parcel]], None] = lambda queue, parcels: None
        self.after_commit: Callable[[Execution], None] = lambda head: None
        self.called: Callable[[Task, str], None] = lambda task, owner: None
        self.begin_tick: Callable[[], None] = lambda: None
        self.story: list[str] | None = [] if trace else None
        self._numbers: dict[str, int] = {}
        self._alias: dict[str, str] = {}

    # --- time and faults

    def number(self, what: str) -> int:
        """Count things of a kind."""
        self._numbers[what] = found = self._numbers.get(what, 0) + 1
        return found

    def tell(self, who: Invocation | None, text: str) -> None:
        """Add a line to the story, if somebody wants to read it."""
        if self.story is None:
            return
        for name, short in self._alias.items():
            text = text.replace(name, short)
        skew = f" ({who.skew_ms / 1000:+} s)" if who is not None and who.skew_ms else ""
        self.story.append(f"{(self.hub.now_ms - START_MS) / 1000:10.3f}  {who.label + skew if who else '·'}: {text}")

    def io(self, who: Invocation, site: str, effect: Callable[[], T], latency_ms: int = 0) -> T:
        """Make one I/O call: others go on meanwhile, and what may go wrong may go wrong here."""
        if self.calm:
            return effect()
        kind = self.faults.strike(f"api {site}" if who.kind == "api" else site)
        delay = latency_ms + 1 + int(self.random.random() * 12)
        if kind == "slow":
            delay += int(self.visibility_ms * (0.8 + 0.8 * self.faults.parameter()))
            self.disturbed.update(who.touched)
            self.tell(who, f"is slow at {site}: {delay / 1000} s")
        self.hub.park(delay)
        if not who.alive or self.hub.now_ms > who.limit_ms:
            self.tell(who, f"is stopped at its time limit, before {site}")
            self.kill(who)
        if kind is None and self.hub.now_ms >= self.outage_until_ms:
            return effect()
        return self._struck(who, site, effect, kind)

    def _struck(self, who: Invocation, site: str, effect: Callable[[], T], kind: str | None) -> T:
        plain = None if kind is None else kind.removeprefix("api_")
        if plain in ("crash", "crash_at_send"):
            self.tell(who, f"CRASHES before {site}")
            self.kill(who)
        if plain == "purge":
            self.post.purge()
        if plain == "outage":
            self.begin_outage()
        if self.hub.now_ms < self.outage_until_ms and site != "perform":
            raise self._unavailable(who, f"cannot {site}: outage")
        if plain == "unavailable":
            raise self._unavailable(who, f"cannot {site}: throttled")
        answer = effect()
        if plain == "repeated":
            self.tell(who, f"repeats {site} below, since the answer was lost")
            answer = effect()
        if plain == "crash_after":
            self.tell(who, f"CRASHES after {site}")
            self.kill(who)
        if plain == "answer_lost":
            raise self._unavailable(who, f"hears no answer of {site}")
        return answer

    def _unavailable(self, who: Invocation, text: str) -> Unavailable:
        self.tell(who, text)
        who.struck = True
        self.disturbed.update(who.touched)
        return Unavailable(text)

    def kill(self, who: Invocation) -> None:
        """End an invocation in the middle; always raises."""
        if who.alive:
            who.struck = True
            self.disturbed.update(who.touched)
            self.end(who)
        raise Killed

    def end(self, who: Invocation) -> None:
        """Note that nothing of an invocation runs any more, and that whatever it left behind must be enough."""
        if not who.alive:
            return
        who.alive = False
        if self.calm:
            return
        if who.struck:
            self.drivers.excuse_sends_of(who)
        self.drivers.excuse_deleted_from(who)
        for execution_id in who.touched:
            self.drivers.check_driven(execution_id)

    def begin_outage(self) -> None:
        """Let every call to the outside fail for minutes."""
        length = int(30_000 + 600_000 * self.faults.parameter() ** 2)
        self.outage_until_ms = self.hub.now_ms + length
        self.disturbed.update(self.current)
        self.tell(None, f"an outage of {length / 1000} s begins")

    # --- heads

    def thaw(self, stored: Stored) -> Execution:
        """Return a head that nobody else holds."""
        return from_document(marshal.loads(stored.frozen), stored.events)  # noqa: S302 - written by ourselves

    def commit(self, who: Invocation, execution: Execution, nonce: str) -> Committed | Conflict:
        """Do what the conditional write does."""
        stored = self.heads.get(execution.id)
        if (stored.version if stored else 0) == execution.version - 1:
            self.put(who, execution, nonce)
            return Committed()
        if stored is None:
            who.troubled.add(execution.id.partition(".")[0])
            return Conflict(None)
        if stored.nonce == nonce:
            return Committed()
        self.tell(who, f"loses the race for v{execution.version} of {execution.id}")
        who.troubled.add(execution.id.partition(".")[0])
        return Conflict(self.thaw(stored))

    def put(self, who: Invocation, execution: Execution, nonce: str) -> None:
        """Write a head, and check everything that a commit has to keep."""
        name = execution.id
        old = self.current.get(name)
        kept = execution.events
        if kept and kept[0].seq <= execution.flushed_seq:
            kept = tuple(event for event in kept if event.seq > execution.flushed_seq)
        if old is None:
            self._alias[name] = f"e{len(self._alias) + 1}"
            self.records[name] = Record()
            self.timetables.born(execution)
        if self.story is not None:
            self.tell(who, f"commits v{execution.version} of {name}: {_described(execution)}")
        settings = self.settings
        watch_seconds = settings.api_watchdog_seconds if who.writes_alone(name) else settings.watchdog_seconds
        check_commit(self.records[name], old, execution, kept, watch_seconds * 1000, self.hub.now_ms + who.skew_ms)
        about = [parcel for parcel in who.parcels if parcel.message.execution_id == name]
        for parcel in about:
            # Of several messages, nobody knows whose step has moved; and one that still has to do what it had before
            # is tried for that each time, whatever else went well.
            if len(about) == 1 and not still_there(old, execution, parcel.message.token):
                parcel.progressed_at = max(parcel.progressed_at, who.receives[parcel.number])
        self.drivers.check_watchdog(old, execution)
        self.drivers.check_family(old, execution)
        self.heads[name] = Stored(execution.version, nonce, marshal.dumps(to_document(execution)), kept)
        self.current[name] = execution
        self.makers[name] = who
        self.drivers.note(who, old, execution)
        self.counts.commits += 1
        who.touched[name] = None
        log = self.due_log.setdefault(name, [])
        log.append((self.hub.now_ms, execution.due_at_ms, not execution.ended and due_is_watchdog(execution)))
        if execution.due_at_ms is not None:
            self.ticker.arm(execution.due_at_ms)
        self.after_commit(execution)

    def put_chunk(self, who: Invocation, execution_id: str, events: Sequence[HistoryEvent]) -> None:
        """Write a chunk, keyed by its last seq."""
        check_chunk(self.records.get(execution_id), execution_id, events)
        first, last = events[0].seq, events[-1].seq
        self.tell(who, f"flushes events {first}..{last} of {execution_id}")
        self.chunks.setdefault(execution_id, {})[last] = tuple(events)

    def stamp(self, who: Invocation, execution: Execution) -> None:
        """Let the chunks of an execution expire, which must have ended, or keep those of one that will live again."""
        name = execution.id
        self.tell(who, f"{'lets the chunks expire' if execution.ended else 'keeps the chunks'} of {name}")
        if execution.version < self.stamps.get(name, 0):
            self.tell(who, "comes too late for that: it lives again")
            return
        self.stamps[name] = execution.version
        self.stamped.discard(name)
        if execution.ended:
            self.stamped.add(name)
            if not self.current[name].ended:
                raise Violation("expiry", f"{name} lives, and its chunks expire")

    def is_disturbed(self, name: str) -> bool:
        """Say whether something struck an execution or one of its family: what one does twice, the others see."""
        family = name.partition(".")[0]
        return any(other.partition(".")[0] == family for other in self.disturbed)

    def live(self) -> list[str]:
        """Return the executions that have not ended."""
        return [name for name, head in self.current.items() if not head.ended]

    def due_entries(self, lag_ms: int) -> list[DueEntry]:
        """Return the `due` index as it was some time ago, earliest first."""
        then = self.hub.now_ms - lag_ms
        found = []
        for name, log in self.due_log.items():
            known = [entry for entry in log[-8:] if entry[0] <= then]
            if known and known[-1][1] is not None:
                found.append(DueEntry(name, known[-1][1], known[-1][2]))
        due_at_ms = self.timetables.due_at(then)
        if due_at_ms is not None and self.timetables.current is not None:
            found.append(DueEntry(self.timetables.current.id, due_at_ms, watchdog=False, timetable=True))
        return sorted(found, key=lambda entry: (entry.due_at_ms, entry.execution_id))


def _described(execution: Execution) -> str:
    if execution.ended:
        return f"{execution.state.value} {execution.error['name'] if execution.error else ''}".strip()
    texts = []
    for cursor in execution.cursors:
        due = (cursor.due_at_ms - START_MS) / 1000
        place = "index" if cursor.in_index else f"token {cursor.token} by {cursor.by}"
        texts.append(f"at {cursor.step} visit {cursor.visit}.{cursor.attempt}, {place}, due {due}")
    watch = "-" if execution.due_at_ms is None else (execution.due_at_ms - START_MS) / 1000
    return f"{'; '.join(texts)}; head due {watch}"

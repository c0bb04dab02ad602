"""The timetable of a run's definition, if it has a schedule: each tick starts one execution, or a later one does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.engine.draft import EARLY_MS
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.timetable import Row, Tick, Timetable
from chalicelib.ports import StoredDefinition
from chalicelib.writes import START, onward

from sedo.simulation.checks import SKEW_MS, Violation
from sedo.simulation.invocations import START_MS, Invocation

if TYPE_CHECKING:
    from sedo.simulation.world import World

LATE_MS = 18 * 60_000
"""However often its messages were lost, a tick is looked at again within a quarter of an hour, and two ticks more."""
LATE_IN_PEACE_MS = 70_000
NAME = "schedule."


class Timetables:
    """Keeps the one timetable of a run, and checks each step that it takes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.current: Timetable | None = None
        self.period_ms = 0
        self.given: dict[str, Any] = {}
        self.log: list[tuple[int, int | None]] = []
        self.started: dict[str, str] = {}
        self.skipped: set[int] = set()
        self.end_ms: int | None = None
        self.peaceful_since_ms = START_MS
        self._struck = 0

    def post(self, tenant_id: str, definition_id: str, document: dict[str, Any], rows: Sequence[Row]) -> int:
        """Do what the store does with a new version: it is the latest, and has a timetable of its own."""
        world = self.world
        version = world.versions[(tenant_id, definition_id)] = world.versions.get((tenant_id, definition_id), 0) + 1
        key = (tenant_id, definition_id, version)
        world.definitions[key] = StoredDefinition(*key, world.hub.now_ms, document)
        if self.current is not None and not rows and self.end_ms is None:
            self._check_end(self.current)
        if rows or self.current is not None:
            self._keep(Timetable(tenant_id, definition_id, version, tuple(rows)))
        return version

    def save(self, who: Invocation, new: Timetable) -> bool:
        """Do what the conditional write does, and check what it says that was started."""
        old = self.current
        if old is None or (old.definition_version, old.revision) != (new.definition_version, new.revision - 1):
            return False
        for before, after in zip(old.rows, new.rows, strict=True):
            if before != after:
                self._check_step(who, before, after)
        self._keep(new)
        self.world.tell(who, f"moves the timetable to {new.rows}")
        for name in self.started.values():
            self.world.drivers.check_driven(name)
        return True

    def _keep(self, timetable: Timetable) -> None:
        self.current = timetable if timetable.rows else None
        self.log.append((self.world.hub.now_ms, timetable.due_at_ms))
        if timetable.due_at_ms is not None:
            self.world.ticker.arm(timetable.due_at_ms)

    def born(self, head: Execution) -> None:
        """Note which tick has started an execution."""
        if head.name is None or not head.name.startswith(NAME):
            return
        if head.name in self.started:
            raise Violation("tick", f"{head.id} is the second execution of {head.name}")
        self.started[head.name] = head.id
        if head.input != self.given:
            raise Violation("tick", f"{head.name} has the input {head.input}")
        self.look()
        self._check_late(self._tick_of(head), head.name)

    @property
    def ids(self) -> Collection[str]:
        """The executions that were started by a tick."""
        return self.started.values()

    def is_starting(self, head: Execution, cursor: Cursor) -> bool:
        """Say whether the timetable's message still comes back for what the start of an execution made.

        Of one that an earlier version has started, or for which a later tick came in, nothing is sent again: a watchdog
        sees to it.
        """
        if not self.is_of_start(head, cursor):
            return False
        at_ms, now = self._tick_of(head), self.current
        if now is None or now.definition_version != head.definition_version:
            return True
        return at_ms in self.skipped or any(row.last_ms is None or row.last_ms < at_ms for row in now.rows)

    def is_of_start(self, head: Execution, cursor: Cursor) -> bool:
        """Say whether a cursor was made by a tick that has started its execution: its start sends for it again."""
        if cursor.by not in (START, onward(START)):
            return False
        return head.name is not None and self.started.get(head.name) == head.id

    def _tick_of(self, head: Execution) -> int:
        return next(at_ms for at_ms in self._ticks(head.started_at_ms + SKEW_MS) if Tick(0, at_ms).name == head.name)

    def _ticks(self, until_ms: int) -> range:
        return range((START_MS // self.period_ms + 1) * self.period_ms, until_ms, self.period_ms)

    def due_at(self, then_ms: int) -> int | None:
        """Return what the index said of the timetable at a moment."""
        return next((due for since, due in reversed(self.log) if since <= then_ms), None)

    def _check_step(self, who: Invocation, before: Row, after: Row) -> None:
        first, last, period = before.next_ms or 0, after.last_ms or 0, self.period_ms
        ahead = who.skew_ms + EARLY_MS
        latest = (who.began_ms + ahead) // period * period
        is_due = max(first, latest) <= last <= self.world.hub.now_ms + ahead
        if last % period or not is_due or after.next_ms != last + period:
            raise Violation("tick", f"{who.label}, which began at {who.began_ms}, lets {before} become {after}")
        if Tick(0, last).name not in self.started:
            raise Violation("tick", f"the timetable says that {Tick(0, last).name} was started, and it was not")
        self.skipped.update(range(first, last, period))

    # --- time

    def look(self) -> None:
        """Note, now and then, whether anything has struck since: in peace, nothing stays undone for long."""
        if self._struck != len(self.world.faults.fired) or self.world.outage_until_ms > self.world.hub.now_ms:
            self._struck = len(self.world.faults.fired)
            self.peaceful_since_ms = max(self.world.hub.now_ms, self.world.outage_until_ms)

    def _check_end(self, timetable: Timetable) -> None:
        """See that all ticks until now were started, or left out for a later one, when a version ends the schedule."""
        self.look()
        self.end_ms = timetable.due_at_ms or 0
        self._check_late(self.end_ms, "what comes next")
        gone = [at for at in self._ticks(self.end_ms) if Tick(0, at).name not in self.started]
        if [at for at in gone if at not in self.skipped or not self.world.faults.fired]:
            raise Violation("tick", f"{gone} were never started")

    def _check_late(self, at_ms: int, what: str) -> None:
        """See that a tick is not overdue, if nothing has struck for as long as it may be."""
        now = self.world.hub.now_ms
        late = LATE_MS if self.world.faults.fired else LATE_IN_PEACE_MS
        if min(now - self.peaceful_since_ms, now - at_ms - SKEW_MS) > late:
            raise Violation("tick", f"{what} is {(now - at_ms) / 1000} s late, and nothing struck for long")

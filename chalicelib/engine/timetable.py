"""The timetable of a definition: for each schedule of its latest version, which tick comes next and which was last.

plan(…) makes it when a version is posted, due_ticks(…) says what to start, advanced(…) what to write afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chalicelib.engine.schedules import Schedule

SUFFIX = ":~schedule"
"""No execution id ends so: they have no `~`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One schedule: `rule` says when it recurs, `next_ms` is None when it never does again."""

    rule: str
    next_ms: int | None
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Timetable:
    """All schedules of the latest version of a definition. `revision` counts what was written since it was posted."""

    tenant_id: str
    definition_id: str
    definition_version: int
    rows: tuple[Row, ...]
    revision: int = 0

    @property
    def id(self) -> str:
        """The name that its messages and index entries carry."""
        return timetable_id(self.tenant_id, self.definition_id)

    @property
    def due_at_ms(self) -> int | None:
        """When the first of the next ticks is."""
        return min((row.next_ms for row in self.rows if row.next_ms is not None), default=None)


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment at which the schedule with this index starts one execution."""

    index: int
    at_ms: int

    @property
    def name(self) -> str:
        """The execution's name: who starts this tick a second time meets the first one."""
        return f"schedule.{self.index}.{datetime.fromtimestamp(self.at_ms // 1000, tz=UTC):%Y%m%dT%H%M%SZ}"


def timetable_id(tenant_id: str, definition_id: str) -> str:
    """Return `{tenant}:{definition}:~schedule`."""
    return f"{tenant_id}:{definition_id}{SUFFIX}"


def plan(schedules: Sequence[Schedule], before: Sequence[Row], now_ms: int) -> tuple[Row, ...]:
    """Return the rows of a version that is posted now, after one with the rows `before`.

    A schedule that recurs as the one before it at its place keeps its next tick, also one that is due already:
    posting a definition loses none and repeats none.
    """
    rows = []
    for i, schedule in enumerate(schedules):
        rule = schedule.recurrence.rule
        if i < len(before) and before[i].rule == rule:
            rows.append(before[i])
        else:
            rows.append(Row(rule, schedule.recurrence.after(now_ms)))
    return tuple(rows)


def due_ticks(timetable: Timetable, schedules: Sequence[Schedule], now_ms: int) -> list[Tick]:
    """Return what is to be started now: of each schedule the latest tick that has come, and none before it."""
    return [
        Tick(i, schedule.recurrence.latest(row.next_ms, now_ms))
        for i, (row, schedule) in enumerate(zip(timetable.rows, schedules, strict=False))
        if row.next_ms is not None and row.next_ms <= now_ms
    ]


def advanced(timetable: Timetable, schedules: Sequence[Schedule], started: Sequence[Tick], now_ms: int) -> Timetable:
    """Return the timetable after these ticks were started."""
    rows = list(timetable.rows)
    for tick in started:
        following = schedules[tick.index].recurrence.after(max(now_ms, tick.at_ms))
        rows[tick.index] = replace(rows[tick.index], next_ms=following, last_ms=tick.at_ms)
    return replace(timetable, rows=tuple(rows), revision=timetable.revision + 1)

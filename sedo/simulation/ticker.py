"""The schedule: a tick each minute, of which those that cannot find anything are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sedo.simulation.invocations import FOREVER, START_MS

if TYPE_CHECKING:
    from sedo.simulation.world import World

TICK_MS = 60_000


class Ticker:
    """Plans the ticks of one run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._next_ms = FOREVER

    def arm(self, due_at_ms: int) -> None:
        """Plan the next tick that could find something; those that cannot are left out."""
        grid = START_MS + 17_000
        after = max(self.world.hub.now_ms + 1, due_at_ms - TICK_MS)
        moment = grid + -(-(after - grid) // TICK_MS) * TICK_MS
        if moment < self._next_ms:
            self._next_ms = moment
            self.world.hub.at(moment, lambda: self._tick(moment))

    def _tick(self, moment: int) -> None:
        if self._next_ms != moment:
            return
        self._next_ms = FOREVER
        self.world.begin_tick()
        self.rearm()

    def rearm(self) -> None:
        """Plan the next tick, as long as something lives."""
        due = [head.due_at_ms for head in self.world.current.values() if not head.ended and head.due_at_ms is not None]
        timetable = self.world.timetables.current
        if timetable is not None and timetable.due_at_ms is not None:
            due.append(timetable.due_at_ms)
        if due:
            self.arm(min(due))

"""Callers of the API: they start executions, by name and again, cancel, read, and post the definition anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import service
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.ports import Unavailable
from chalicelib.runtime import Runtime

from sedo.simulation.checks import Violation
from sedo.simulation.hub import Killed
from sedo.simulation.invocations import Invocation
from sedo.simulation.scenarios import TENANT

if TYPE_CHECKING:
    from sedo.simulation.run import Run


class Callers:
    """Plans who calls when, and remembers who was asked to end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.world = run.world
        self.draw = run.draw
        self.cancelled: dict[str, str] = {}
        self.asked_to_cancel: set[str] = set()

    def plan_execution(self, i: int) -> None:
        """Let one execution be started, and perhaps cancelled and read."""
        run, draw = self.run, self.draw
        poisonous = "p" if draw.random() < 0.1 else "s"
        script = f"{poisonous}{run.seed}-{i}"
        given: dict[str, Any] = {"k": draw.randrange(10), "script": script}
        name = f"name-{i}" if draw.random() < 0.3 else None
        first = int(draw.random() * 20_000) if draw.random() < 0.8 else int(draw.random() * 600_000)
        run.spawn("api", lambda runtime, who: self._start(runtime, given, name, 3), first)
        if name is not None and draw.random() < 0.5:
            again = first + int(draw.random() * draw.choice((50, 3000, 100_000)))
            run.spawn("api", lambda runtime, who: self._start(runtime, given, name, 0), again)
        if draw.random() < 0.1:
            moment = first + int(draw.random() * draw.choice((300, 5000, 1_000_000)))
            cause = f"cancel {i}"
            run.spawn("api", lambda runtime, who: self.cancel(runtime, script, cause), moment)
        if draw.random() < 0.3:
            moment = first + int(draw.random() * draw.choice((1000, 100_000, 2_000_000)))
            run.spawn("api", lambda runtime, who: self._read_one(runtime, who, script), moment)

    def plan_schedule(self, period_ms: int, ticks: int) -> None:
        """Let the definition be posted with the same schedule once more, perhaps, and at last without one."""
        draw = self.draw
        end = int(period_ms * (ticks + draw.random()))
        if draw.random() < 0.5:
            self._post(scheduled=True, delay_ms=int(draw.random() * end))
        self._post(scheduled=False, delay_ms=end)
        for moment in range(0, end, 60_000):
            self.world.hub.at(self.world.hub.now_ms + moment, self.world.timetables.look)

    def _post(self, *, scheduled: bool, delay_ms: int) -> None:
        """Post the definition at a moment, as often as it takes; once the schedule has ended it stays so."""
        document = self.run.document
        if not scheduled:
            document = {key: value for key, value in document.items() if key != "schedule"}

        def post(runtime: Runtime, _: Invocation) -> None:
            timetables = self.world.timetables
            if timetables.end_ms is not None and (scheduled or timetables.current is None):
                return
            try:
                service.post_definition(runtime, TENANT, document)
            except (Killed, Unavailable):
                self._post(scheduled=scheduled, delay_ms=int(1000 + self.draw.random() * 100_000))
                raise
            if not scheduled:
                self._post(scheduled=False, delay_ms=5000)  # the other one may have come in between

        self.run.spawn("api", post, delay_ms)

    def _start(self, runtime: Runtime, input: dict[str, Any], name: str | None, tries: int) -> None:
        run = self.run
        try:
            begun = service.start_execution(
                runtime, TENANT, run.plan.scenario.definition.id, dict(input), actor="somebody", name=name
            )
            if run.actors is not None:
                run.actors.early(begun.id)
        except (Killed, Unavailable):
            if name is not None and tries:
                again = int(1000 + self.draw.random() * 100_000)
                run.spawn("api", lambda runtime, who: self._start(runtime, input, name, tries - 1), again)
            raise

    def _named(self, script: str) -> str | None:
        for name, head in self.world.current.items():
            if is_root(head) and head.input["script"] == script:
                return name
        return None

    def cancel(self, runtime: Runtime, script: str, cause: str) -> None:
        """Cancel the execution that was started with a script."""
        name = self._named(script)
        if name is None:
            return
        self.asked_to_cancel.add(name)
        try:
            service.cancel_execution(runtime, TENANT, name, cause, actor="somebody")
        except service.AlreadyEnded:
            if not self.world.current[name].ended and self.world.current[name].ending is None:
                raise Violation("terminal", f"{name} is said to have ended, and has not") from None
            return
        self.cancelled[name] = cause

    def _read_one(self, runtime: Runtime, who: Invocation, script: str) -> None:
        name = self._named(script)
        if name is not None:
            self.read(runtime, who, name)

    def read(self, runtime: Runtime, who: Invocation, name: str) -> None:
        """Read a history page by page: nothing that was committed before may be missing."""
        log = self.world.records[name].log
        committed = len(log)
        limit = self.draw.choice((7, 50, 1000))
        found: list[HistoryEvent] = []
        while True:
            page = service.history(runtime, TENANT, name, len(found), limit)
            found += page
            if len(page) < limit:
                break
        if len(found) < committed or found != log[: len(found)]:
            seqs = [event.seq for event in found]
            raise Violation("reading", f"{name}: {seqs} was read, {committed} were committed")


def is_root(head: Execution) -> bool:
    """Say whether an execution was started by a caller, or by a schedule."""
    return head.parent is None and head.depth == 0

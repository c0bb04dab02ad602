"""Who answers tasks and sends signals, as the script says, through the real use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import inbox
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.places import task_token
from chalicelib.runtime import Runtime
from chalicelib.service import InputRejected, NotFound
from sedo.testing.cases import Entry, Signal, first_line
from sedo.testing.library import STAND_IN
from sedo.testing.script import Attempt
from sedo.testing.whereabouts import parent_of

if TYPE_CHECKING:
    from sedo.testing.stage import Stage

TOO_LATE = (inbox.TaskGone, inbox.TaskConflict, NotFound)


class People:
    """Plans what outsiders do, at the moment at which something waits for them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.planned: set[tuple[str, int, int]] = set()

    def see(self, head: Execution) -> None:
        """See what a head waits for now."""
        for cursor in head.cursors:
            key = (head.id, cursor.visit, cursor.attempt)
            if key in self.planned:
                continue
            if cursor.waits == "task":
                self.planned.add(key)
                self._task(head, cursor)
            elif cursor.waits == "signal":
                self.planned.add(key)
                self._signal(head, cursor)

    def _task(self, head: Execution, cursor: Cursor) -> None:
        held: dict[str, Any] = cursor.held or {}
        attempt = self._asked(head, cursor)
        entry = self.stage.entry(attempt, "somebody has to answer it" if held.get("human") else "its task waits")
        if entry.request is not None and held.get("human"):
            shown: dict[str, Any] = {name: held[name] for name in ("title", "description", "roles") if name in held}
            self.stage.check_request(entry, attempt, shown | {"input": cursor.input})
        token = task_token(head, cursor.visit, cursor.attempt)
        for seconds in entry.heartbeats:
            self.stage.act(lambda runtime: self._beat(runtime, token), seconds)
        if not entry.never:
            said = self.stage.script.arrive(attempt, entry)
            self.stage.act(lambda runtime: self._answer(runtime, token, entry, said), entry.after_seconds)

    def _asked(self, head: Execution, cursor: Cursor) -> Attempt:
        """Return whose mock answers a task: of a stand-in, that of the step which has it as a child."""
        if STAND_IN not in head.definition_id:
            return self.stage.whereabouts.attempt(head.id, cursor.path, cursor.step, cursor.visit, cursor.attempt)
        parent, visit, number = parent_of(head.id)
        prefix, items = self.stage.whereabouts.known[head.id]
        return Attempt(parent, prefix.removesuffix("/"), "/".join(items), visit, number)

    def _answer(self, runtime: Runtime, token: str, entry: Entry, said: Entry) -> None:
        result = TaskResult(said.output) if said.error is None else TaskResult(None, *said.error)
        try:
            inbox.answer(runtime, runtime_tenant(token), token, result, actor="sedo test")
        except InputRejected as refused:
            self.stage.stop(f"the answer does not pass the step's inputSchema: {first_line(refused.detail)}", entry.at)
        except TOO_LATE as late:
            self.stage.world.tell(None, f"an answer comes too late: {late}")

    def _beat(self, runtime: Runtime, token: str) -> None:
        try:
            inbox.heartbeat(runtime, runtime_tenant(token), token)
        except TOO_LATE as late:
            self.stage.world.tell(None, f"a heartbeat comes too late: {late}")

    def _signal(self, head: Execution, cursor: Cursor) -> None:
        held: dict[str, Any] = cursor.held or {}
        attempt = self._asked(head, cursor)
        waits_for_case = any(signal.name == held["name"] for signal in self.stage.case.signals)
        if not self.stage.script.knows(attempt.step) and waits_for_case:
            return
        entry = self.stage.entry(attempt, f"it waits for the signal {held['name']}")
        if not entry.never:
            signal = Signal(held["name"], 0, entry.output)
            name = f"{attempt.step}-{attempt.item}-{attempt.visit}-{attempt.number}"
            self.stage.act(lambda runtime: self.stage.send(runtime, head.id, signal, name), entry.after_seconds)


def runtime_tenant(token: str) -> str:
    """Return the tenant that a task's token names."""
    return token.partition(":")[0]

"""Who else takes part where definitions branch: people, machines with a task, senders of signals, redrivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib import inbox, signals, writes
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.events import Redriven
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.places import task_token
from chalicelib.ports import Unavailable
from chalicelib.runtime import Runtime
from chalicelib.service import AlreadyEnded, InputRejected, NotFound

from sedo.simulation.checks import Violation
from sedo.simulation.hub import Killed
from sedo.simulation.scenarios import TENANT

if TYPE_CHECKING:
    from sedo.simulation.run import Run

TOO_LATE = (inbox.TaskGone, inbox.TaskConflict, NotFound)


class Actors:
    """Plans what outsiders do, at the moment at which something waits for them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.draw = run.draw
        self.given: dict[tuple[str, int, int], list[tuple[Any, str | None]]] = {}
        self.planned: set[tuple[str, int, int, int]] = set()
        self.redrives: dict[str, int] = {}

    def after_commit(self, head: Execution) -> None:
        """See what a head waits for now."""
        for cursor in head.cursors:
            key = (head.id, cursor.visit, cursor.attempt, head.life)
            if cursor.waits in ("task", "signal") and key not in self.planned:
                held = cursor.held or {}
                if cursor.waits == "signal":
                    self.planned.add(key)
                    self._signal(head.id, held["name"], must_come=cursor.timeout_at_ms is None)
                elif held.get("human"):
                    self.planned.add(key)
                    self._answer(head, cursor.visit, cursor.attempt, must_come=cursor.timeout_at_ms is None)
        failed = head.ended and head.state is not State.SUCCEEDED
        if failed and head.parent is None and self.redrives.get(head.id, 0) < 2 and self.draw.random() < 0.4:
            self.redrives[head.id] = self.redrives.get(head.id, 0) + 1
            self._soon(lambda runtime: self._redrive(runtime, head.id), 100_000)

    def called(self, task: Task, owner: str) -> None:
        """Answer, some time later, the task whose token a call has handed out."""
        key = (owner, task.visit, task.attempt, 0)
        if key in self.planned:
            return
        self.planned.add(key)
        head = self.run.world.current[owner]
        if task_token(head, task.visit, task.attempt) != task.request["body"]["token"]:
            raise Violation("token", f"{owner}: the call of {task.step} hands out a token of another task")
        self._answer(head, task.visit, task.attempt, must_come=True)
        if self.draw.random() < 0.3:
            token = task.request["body"]["token"]
            self._soon(lambda runtime: self._beat(runtime, token), 300_000)

    def _soon(self, job: Callable[[Runtime], Any], most_ms: int) -> None:
        delay = int(self.draw.random() * self.draw.choice((50, 2000, most_ms)))
        self.run.spawn("api", lambda runtime, _: job(runtime), delay)

    def _answer(self, head: Execution, visit: int, attempt: int, *, must_come: bool) -> None:
        draw = self.draw
        token = task_token(head, visit, attempt)
        result = TaskResult(draw.randrange(10)) if draw.random() < 0.8 else TaskResult(None, "Person.Refused", "no")
        self.given.setdefault((head.id, visit, attempt), []).append((result.value, result.error))
        if draw.random() < 0.15:
            self._soon(lambda runtime: self._refused(runtime, token), 100_000)
        if must_come or draw.random() < 0.7:
            self._soon(lambda runtime: self._tell(runtime, token, result), 400_000)
        if draw.random() < 0.25:
            self._soon(lambda runtime: self._tell(runtime, token, result), 400_000)
        if draw.random() < 0.15:
            other = TaskResult(draw.randrange(10, 20))
            self.given[(head.id, visit, attempt)].append((other.value, None))
            self._soon(lambda runtime: self._tell(runtime, token, other), 400_000)

    def _tell(self, runtime: Runtime, token: str, result: TaskResult) -> None:
        try:
            inbox.answer(runtime, TENANT, token, result, actor="somebody")
        except TOO_LATE:
            return
        except (Killed, Unavailable):
            self._soon(lambda again: self._tell(again, token, result), 200_000)
            raise

    def _refused(self, runtime: Runtime, token: str) -> None:
        """Answer with what a schema does not take: nothing may follow from it, where there is one."""
        if "human" not in self._kind(token):
            return
        try:
            inbox.answer(runtime, TENANT, token, TaskResult("text"), actor="somebody")
        except (InputRejected, *TOO_LATE):
            return
        raise Violation("answer", f"{token} took a text, and wants a number")

    def _kind(self, token: str) -> str:
        for head in self.run.world.current.values():
            for cursor in head.cursors:
                if cursor.waits == "task" and task_token(head, cursor.visit, cursor.attempt) == token:
                    return "human" if (cursor.held or {}).get("human") else "callback"
        return ""

    def _beat(self, runtime: Runtime, token: str) -> None:
        try:
            inbox.heartbeat(runtime, TENANT, token)
        except TOO_LATE:
            return

    def _signal(self, name: str, signal: str, *, must_come: bool) -> None:
        if not must_come and self.draw.random() < 0.4:
            return
        number = self.run.world.number("signal")
        self._soon(lambda runtime: self._send(runtime, name, signal, number), 400_000)

    def signal_again(self) -> bool:
        """Send another signal to whoever still waits for one: his own may have gone to a step beside him."""
        waiting = [
            (head.id, (cursor.held or {})["name"])
            for head in self.run.world.current.values()
            for cursor in head.cursors
            if cursor.waits == "signal"
        ]
        for name, signal in waiting:
            self._signal(name, signal, must_come=True)
        return bool(waiting)

    def early(self, name: str) -> None:
        """Send signals before anybody waits for them."""
        for signal in ("red", "blue"):
            if self.draw.random() < 0.2:
                self._signal(name, signal, must_come=True)

    def _send(self, runtime: Runtime, name: str, signal: str, number: int) -> None:
        try:
            signals.send_signal(runtime, TENANT, name, signal, number, id=f"s{number}", actor="somebody")
        except (AlreadyEnded, signals.MailboxFull):
            return
        except (Killed, Unavailable):
            self._soon(lambda again: self._send(again, name, signal, number), 200_000)
            raise

    def _redrive(self, runtime: Runtime, name: str) -> None:
        head = self.run.world.current[name]
        self.run.world.disturbed.add(name)  # news of the life before may have children looked at, and told, twice
        event = Redriven(head.definition_version, "somebody", runtime.nonces())
        written = writes.write(runtime, head, runtime.definition(head), lambda _: event)
        if written.changed and written.head is not None:
            self.run.callers.cancelled.pop(name, None)
            if self.draw.random() < 0.4:  # what goes on and what is to end meet in the children
                moment = int(self.draw.random() * self.draw.choice((40, 300, 5000)))
                script = head.input["script"]
                self.run.spawn("api", lambda again, _: self.run.callers.cancel(again, script, "once more"), moment)

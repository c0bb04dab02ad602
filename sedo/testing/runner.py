"""Outside calls, answered from the script after the time that the answer takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.engine import values
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import TASK_TIMEOUT
from sedo.simulation.invocations import Invocation
from sedo.testing.cases import Entry
from sedo.testing.script import Attempt

if TYPE_CHECKING:
    from sedo.testing.stage import Stage

NOTHING_SAID = Entry(generic=True)
GENERIC = {"queue": {"messageId": "00000000-0000-4000-8000-000000000000"}}
"""The result of a call of which the script says nothing, where it is not empty."""


class MockedRunner:
    """TaskRunner of one invocation."""

    def __init__(self, stage: Stage, who: Invocation) -> None:
        self.stage = stage
        self.who = who

    def perform(self, task: Task) -> TaskResult:
        """Take the time of the answer, and give it."""
        execution_id = task.idempotency_key.split("/")[0]
        attempt = self.stage.whereabouts.attempt(execution_id, task.path, task.step, task.visit, task.attempt)
        entry = self.stage.entry(attempt, f"it calls {described(task)}")
        answer = entry if not self._hands_out(execution_id, task) else entry.call or NOTHING_SAID
        takes = task.timeout_seconds if answer.never else min(answer.after_seconds, task.timeout_seconds)
        world, milliseconds = self.stage.world, round(takes * 1000)
        if world.calm:
            world.hub.park(milliseconds)
        return world.io(self.who, "perform", lambda: self._arrive(task, attempt, answer), milliseconds)

    def _hands_out(self, execution_id: str, task: Task) -> bool:
        head = self.stage.world.current[execution_id]
        definition = self.stage.cache[(head.tenant_id, head.definition_id, 1)]
        return definition.steps[task.step].type.tokens

    def _arrive(self, task: Task, attempt: Attempt, answer: Entry) -> TaskResult:
        stage = self.stage
        stage.world.counts.calls += 1
        stage.requests.append((attempt, task))
        said = stage.script.arrive(attempt, answer)
        stage.world.tell(self.who, f"calls outside for {attempt.step}, visit {task.visit}.{task.attempt}")
        self._check_request(task, attempt)
        if said.never or said.after_seconds >= task.timeout_seconds:
            return TaskResult(error=TASK_TIMEOUT, cause=f"no answer within {task.timeout_seconds:g} s")
        return result_of(said, task)

    def _check_request(self, task: Task, attempt: Attempt) -> None:
        entry = self.stage.script.take(attempt)
        if entry is not None and entry.request is not None:
            self.stage.check_request(entry, attempt, task.request)


def result_of(entry: Entry, task: Task) -> TaskResult:
    """Return what an answer means for a call. Of HTTP the status decides, as it does with real answers."""
    if entry.error is not None:
        return TaskResult(error=entry.error[0], cause=entry.error[1])
    if task.type != "http":
        return TaskResult(value=GENERIC.get(task.type, {}) if entry.generic else entry.output)
    codes = task.request.get("successCodes")
    answer: dict[str, Any] = {"status": _first_status(codes), "headers": {}, "body": {} if entry.generic else None}
    if isinstance(entry.output, Mapping):
        answer |= entry.output
    elif not entry.generic:
        return TaskResult(value=entry.output)
    if isinstance(answer["status"], int) and not _is_success(answer["status"], codes):
        return TaskResult(error=f"Http.{answer['status']}", cause=_text(answer["body"]))
    return TaskResult(value=answer)


def described(task: Task) -> str:
    """Say in a few words whom a call goes to."""
    request = task.request
    if task.type == "http":
        return f"{request.get('method', 'GET')} {request['url']:.200}"
    name = request.get("function") or request.get("queue") or ""
    return f"{task.type} {name:.200}".rstrip()


def _first_status(codes: list[int | str] | None) -> int:
    first = (codes or ["2xx"])[0]
    return first if isinstance(first, int) else int(first[0]) * 100


def _is_success(status: int, codes: list[int | str] | None) -> bool:
    return any(code in (status, f"{status // 100}xx") for code in codes or ("2xx",))


def _text(body: Any) -> str:
    return "" if body is None else body if isinstance(body, str) else values.text(body)

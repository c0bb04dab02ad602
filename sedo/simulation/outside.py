"""The outside of a run: what calls come to follows from each execution's script alone."""

from __future__ import annotations

from chalicelib.engine.effects import Task, TaskResult

from sedo.simulation.checks import Violation
from sedo.simulation.invocations import Invocation
from sedo.simulation.scenarios import Answer, answer_of, result_of
from sedo.simulation.trees import PLACES, number_of, scripted
from sedo.simulation.world import World

NEARLY_MS = 5000
"""A call that takes so much less than the visibility timeout, or more, may end after its message has come again."""


class PoisonError(Exception):
    """What a broken step does to the processor: it raises, each time."""


class ScriptedRunner:
    """Outside calls whose outcomes follow from the execution's script, the visit and the attempt alone."""

    def __init__(self, world: World, who: Invocation) -> None:
        self.world = world
        self.who = who

    def perform(self, task: Task) -> TaskResult:
        """Take the time of the answer, and give it."""
        answer = _scripted(task)
        name = task.idempotency_key.partition("/")[0]
        if answer.poison or answer.takes_ms >= self.world.visibility_ms - NEARLY_MS:
            self.world.drivers.hopeless.add(name)
        began = self.world.called_at.setdefault(name, {})
        began.setdefault((task.visit, task.attempt), self.world.hub.now_ms + self.who.skew_ms)
        return self.world.io(self.who, "perform", lambda: self._answer(task, answer), answer.takes_ms)

    def _answer(self, task: Task, answer: Answer) -> TaskResult:
        name = task.idempotency_key.split("/")[0]
        self._count(name, task)
        if self.world.story is not None:
            ending = "POISON" if answer.poison else answer.error or "fine"
            self.world.tell(self.who, f"calls outside for {task.step} visit {task.visit}.{task.attempt}: {ending}")
        if answer.poison:
            self.world.disturbed.add(name)
            self.who.troubled.add(name.partition(".")[0])
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
        if task.idempotency_key != f"{name}/{task.path}/{task.step}/{task.visit}":
            raise Violation("calls", f"{name}: the idempotency key {task.idempotency_key} is not of {task.step}")
        self._check_once(name, task)
        times = world.calls[(name, task.visit, task.attempt)] = world.calls.get((name, task.visit, task.attempt), 0) + 1
        if times > 1 and not world.is_disturbed(name):
            raise Violation("calls", f"{name}: visit {task.visit}.{task.attempt} is performed again for no reason")

    def _check_once(self, name: str, task: Task) -> None:
        """See that each delivery makes a call once: where nothing struck, the one that came first made it for all."""
        key = (self.who.label, name, task.visit, task.attempt)
        times = self.world.calls_of[key] = self.world.calls_of.get(key, 0) + 1
        kept = not self.who.struck and name.partition(".")[0] not in self.who.troubled
        about = sum(parcel.message.execution_id == name for parcel in self.who.parcels)
        if times > (1 if kept else max(about, 1)):
            text = f"{self.who.label} performs visit {task.visit}.{task.attempt} {times} times for {about} deliveries"
            raise Violation("calls", f"{name}: {text}")


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

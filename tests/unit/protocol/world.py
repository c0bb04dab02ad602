"""A small world for protocol tests: the real processor and use cases over the in-memory store and queues, a clock that
only moves when told, and crashes at any call.

A crash is a BaseException, so that nothing in the code under test can mistake it for an error it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from typing import Any

from chalicelib import service
from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.dead_letters import handle_dead_letters
from chalicelib.deliveries import BatchFailed
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.events import Redriven
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.tasks import tokens_of
from chalicelib.parallel import Begun, Job
from chalicelib.ports import Message, Outgoing, Unavailable
from chalicelib.processor import handle_batch
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.ticks import interval_ms, tick
from chalicelib.writes import write
from sedo.memory import MemoryStore
from sedo.memory_queue import MemoryQueues, Received

__all__ = ["DEAD_LETTER", "READY", "TIMEOUT"]
TENANT = "123"
START_MS = 1_700_000_000_000
OUTCOMES = ("StepSucceeded", "StepFailed", "StepTimedOut")
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionCancelled")


class Crash(BaseException):
    """The process ends here."""


Hook = Callable[[str, str, tuple[Any, ...]], None]
"""Called with a method's name, `before` or `after`, and its arguments; may raise."""


class Proxy:
    """Stands around an adapter and lets hooks see, or break, each call."""

    def __init__(self, target: Any, hooks: list[Hook]) -> None:
        self._target = target
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if not callable(member):
            return member

        def call(*args: Any, **named: Any) -> Any:
            for hook in list(self._hooks):
                hook(name, "before", args)
            result = member(*args, **named)
            for hook in list(self._hooks):
                hook(name, "after", args)
            return result

        return call


@dataclass
class Outside:
    """The outside world: answers calls by idempotency key and counts them. `answer` may raise or block."""

    answer: Callable[[Task], TaskResult] = lambda task: TaskResult(value={"status": 200, "headers": {}, "body": None})
    calls: list[str] = field(default_factory=list)

    def perform(self, task: Task) -> TaskResult:
        """Count and answer."""
        self.calls.append(task.idempotency_key)
        return self.answer(task)


class World:
    """One deployment in memory. Times in seconds; `now_ms` is what the code under test sees."""

    def __init__(self, *documents: dict[str, Any], **settings: Any) -> None:
        self.now_ms = START_MS
        self.hooks: list[Hook] = []
        self.outside = Outside()
        self.memory = MemoryStore(now_ms=lambda: self.now_ms)
        self.queues = MemoryQueues(lambda: self.now_ms)
        self.naps: list[float] = []
        self._numbers = count(1)
        self.runtime = Runtime(
            settings=Settings(**settings),
            store=Proxy(self.memory, self.hooks),
            queue=Proxy(self.queues, self.hooks),
            tasks=self.outside,
            now_ms=lambda: self.now_ms,
            nonces=lambda: f"n{next(self._numbers)}",
            sleep=self.sleep,
            run_all=one_after_another,
            aside=OneAfterAnother(),
        )
        self._ticked_ms = START_MS
        for document in documents:
            service.post_definition(self.runtime, TENANT, document)

    def sleep(self, seconds: float) -> None:
        """Let time pass, as the code under test does."""
        self.naps.append(seconds)
        self.now_ms += round(seconds * 1000)

    def start(self, definition_id: str = "d", input: Any = None, name: str | None = None) -> str:
        """Start an execution through the use case; return its id."""
        begun = service.start_execution(
            self.runtime, TENANT, definition_id, {} if input is None else input, actor="tests", name=name
        )
        return begun.id

    def cancel(self, execution_id: str, cause: str | None = "enough") -> Execution:
        """Cancel through the use case."""
        return service.cancel_execution(self.runtime, TENANT, execution_id, cause, actor="tests")

    def redrive(self, execution_id: str, version: int | None = None) -> Execution | None:
        """Let an ended execution go on, as a caller may."""
        head = self.head(execution_id)
        event = Redriven(version or head.definition_version, "tests", self.runtime.nonces())
        wanted = replace(head, definition_version=event.version)
        return write(self.runtime, head, self.runtime.definition(wanted), lambda _: event).head

    def tasks(self, execution_id: str) -> list[str]:
        """The tokens of a head's open tasks of people, oldest first."""
        return [token for token, _ in tokens_of(self.head(execution_id))]

    def heads(self) -> dict[str, Execution]:
        """All heads, children too."""
        return {execution_id: self.head(execution_id) for execution_id in self.memory.execution_ids()}

    def head(self, execution_id: str) -> Execution:
        """The head as stored."""
        found = self.memory.load([execution_id])[execution_id]
        assert isinstance(found, Execution), found
        return found

    def history(self, execution_id: str) -> list[HistoryEvent]:
        """The whole history, checked: no gap, no repeat, one outcome at most for each visit of a life, nothing after an
        end."""
        events = service.history(self.runtime, TENANT, execution_id, 0, 100_000)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        redrives = [event.seq for event in events if event.type == "ExecutionRedriven"]
        lives = {event.seq: sum(seq <= event.seq for seq in redrives) for event in events}
        for kinds in (("StepStarted",), OUTCOMES):
            visits = [(lives[event.seq], event.visit) for event in events if event.type in kinds]
            assert len(visits) == len(set(visits)), (kinds, events)
        for event, following in pairwise(events):
            assert event.type not in ENDS or following.type == "ExecutionRedriven", events
        return events

    def kinds(self, execution_id: str) -> list[str]:
        """The types of the events of the history."""
        return [event.type for event in self.history(execution_id)]

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        """Put a message of our own on its queue."""
        self.queues.send([Outgoing(message, TENANT, delay_seconds)])

    def messages(self, queue: str) -> int:
        """How many messages a queue holds, hidden ones too."""
        return self.queues.count(queue)

    def receive(self, queue: str = READY) -> list[Received]:
        """Take a batch from a queue, as Lambda's poller does."""
        return self.queues.receive(queue)

    def event(self, queue: str, received: list[Received]) -> dict[str, Any]:
        """The SQS event of a batch."""
        return {
            "Records": [
                {
                    "messageId": message.message_id,
                    "receiptHandle": message.receipt_handle,
                    "body": message.body,
                    "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
                    "eventSourceARN": self.queues.arn(queue),
                }
                for message in received
            ]
        }

    def invoke(self, queue: str, received: list[Received]) -> BaseException | None:
        """Hand a batch to its handler and delete it when that returns; else return what it raised."""
        handler = handle_dead_letters if queue == DEAD_LETTER else handle_batch
        try:
            handler(self.runtime, self.event(queue, received))
        except (BatchFailed, Unavailable, Crash) as error:
            return error
        self.queues.delete(self.queues.arn(queue), [message.receipt_handle for message in received])
        return None

    def deliver(self, queue: str = READY) -> BaseException | None:
        """Receive one batch and process it."""
        received = self.receive(queue)
        assert received, f"nothing to receive on {queue}"
        return self.invoke(queue, received)

    def tick(self) -> int:
        """Run the tick now."""
        return tick(self.runtime)

    def advance(self, seconds: float) -> None:
        """Let time pass with nobody at work."""
        self.now_ms += round(seconds * 1000)

    def drain(self) -> None:
        """Process all that is visible now, on all queues."""
        while any(self._deliver_all(queue) for queue in (READY, TIMEOUT, DEAD_LETTER)):
            pass

    def run(self, seconds: float, *, ticks: bool = True) -> None:
        """Live for a time: messages when they become visible, a tick each interval, unless all messages are done."""
        until = self.now_ms + round(seconds * 1000)
        while True:
            self.drain()
            moments = [self.queues.next_moment_ms()]
            if ticks:
                moments.append(self._ticked_ms + interval_ms(self.runtime))
            moment = min((moment for moment in moments if moment is not None), default=until)
            if moment >= until:
                self.now_ms = max(self.now_ms, until)
                return
            self.now_ms = max(self.now_ms, moment)
            if ticks and self.now_ms >= self._ticked_ms + interval_ms(self.runtime):
                self._ticked_ms = self.now_ms
                self.tick()

    def _deliver_all(self, queue: str) -> bool:
        received = self.receive(queue)
        if received:
            self.invoke(queue, received)
        return bool(received)

    @contextmanager
    def hooked(self, hook: Hook) -> Iterator[None]:
        """Let a hook see every call to store and queue."""
        self.hooks.append(hook)
        try:
            yield
        finally:
            self.hooks.remove(hook)

    def crashing(self, method: str, when: str, *, nth: int = 1) -> Any:
        """Crash once, at the nth call of a method, before it is made or after it was answered."""
        left = [nth]

        def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
            if (name, moment) == (method, when):
                left[0] -= 1
                if left[0] == 0:
                    raise Crash(f"{moment} {name}")

        return self.hooked(hook)


class OneAfterAnother:
    """Calls in their order: tests that need them side by side say so."""

    def wait(self, fresh: Sequence[Begun], older: Sequence[Begun], grace_seconds: Callable[[], float]) -> None:
        for begun in fresh:
            begun.run()


def one_after_another(jobs: Any) -> None:
    """Run jobs in their order: tests that need them side by side say so."""
    job: Job
    for job in jobs:
        job()


def definition(*steps: dict[str, Any], id: str = "d", **fields: Any) -> dict[str, Any]:
    """A definition whose steps follow each other where they do not say what is next."""
    return {"id": id, "steps": listed(*steps), **fields}


def listed(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    """Steps that follow each other where they do not say what is next."""
    complete = []
    for place, step in enumerate(steps):
        follows = step["type"] in ("choice", "succeed", "fail") or "next" in step or "end" in step
        last = place == len(steps) - 1
        link: dict[str, Any] = {} if follows else {"end": True} if last else {"next": steps[place + 1]["id"]}
        complete.append(step | link)
    return complete


def call(id: str, **fields: Any) -> dict[str, Any]:
    """A step with an outside effect."""
    return {"id": id, "type": "http", "url": "http://outside.example/", **fields}


def mapped(id: str, *steps: dict[str, Any], items: Any = "${ input.items }", **fields: Any) -> dict[str, Any]:
    """A map over the input's items."""
    return {"id": id, "type": "map", "items": items, "steps": listed(*steps), **fields}


def side_by_side(id: str, *branches: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """A step with branches."""
    return {"id": id, "type": "parallel", "branches": [{"steps": listed(*steps)} for steps in branches], **fields}


def wait(id: str, seconds: float, **fields: Any) -> dict[str, Any]:
    """A step that waits."""
    return {"id": id, "type": "wait", "seconds": seconds, **fields}


def step(id: str, type: str = "pass", **fields: Any) -> dict[str, Any]:
    """A pure step."""
    return {"id": id, "type": type, **fields}


def unavailable(method: str, *, times: int = 1, when: str = "before") -> Hook:
    """A hook that lets a method fail so often, before it has done anything or with its answer lost."""
    left = [times]

    def hook(name: str, moment: str, args: tuple[Any, ...]) -> None:
        if (name, moment) == (method, when) and left[0] > 0:
            left[0] -= 1
            raise Unavailable(f"{method} is throttled")

    return hook

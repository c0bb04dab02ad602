"""One execution on a virtual clock: messages are a list, time is an int, every decision is made twice and compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import Decision, look_token, looked_at_ms
from chalicelib.engine.definition import Definition, parse
from chalicelib.engine.draft import Policy
from chalicelib.engine.effects import Send, Task, TaskResult
from chalicelib.engine.events import AllPerformed, Answered, Arrived, Cover, Event, Looked, Performed
from chalicelib.engine.execution import NEVER_MS, Execution, from_document, to_document
from chalicelib.engine.history import HistoryEvent

T0 = 1_700_000_000_000
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FLUSH_ABOVE_EVENTS = 100
ID = "123:example:0a1b2c3d"

Answer = Callable[[Task], TaskResult]


def ok(task: Task) -> TaskResult:
    """Answer every call with 200."""
    return TaskResult({"status": 200, "headers": {}, "body": {"step": task.step}})


def done(task: Task) -> dict[str, Any]:
    """Say of every child that it has succeeded at once."""
    request = task.request
    output = {"items": request["input"], "failed": 0} if "part" in request else {"child": request["id"]}
    return {"id": request["id"], "state": "ExecutionSucceeded", "life": request["life"], "output": output}


def failing(*errors: str | None) -> Answer:
    """Answer with these errors in turn, and then (or for None) as `ok` does."""
    left = list(errors)

    def answer(task: Task) -> TaskResult:
        error = left.pop(0) if left else None
        return ok(task) if error is None else TaskResult(error=error, cause=f"{error} of the test")

    return answer


def document(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a definition; steps without an id, next or end are numbered and follow each other."""
    numbered = []
    for i, step in enumerate(steps):
        spec = {"id": f"s{i + 1}"} | step
        if not {"next", "end"} & spec.keys() and spec["type"] not in ("choice", "succeed", "fail"):
            spec |= {"end": True} if i == len(steps) - 1 else {"next": steps[i + 1].get("id", f"s{i + 2}")}
        numbered.append(spec)
    return {"id": "example", "steps": numbered} | fields


@dataclass
class World:
    """Starts with `begin`, then `deliver`s one message or look after the other; `run` goes to the end."""

    document: dict[str, Any]
    input: Any = None
    answer: Answer = ok
    inline: bool = True
    policy: Policy = field(default_factory=Policy)
    now: int = T0
    sends: list[Send] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    all_sends: list[Send] = field(default_factory=list)
    child: Callable[[Task], dict[str, Any]] = done
    flushed: list[HistoryEvent] = field(default_factory=list)
    commits: int = 0
    n: int = 0

    def __post_init__(self) -> None:
        self.definition = parse(self.document, 1)
        self.started = False
        self.head: Execution

    def nonce(self) -> str:
        self.n += 1
        return f"n{self.n}"

    def begin(self) -> Execution:
        request = StartRequest("123", self.definition, self.input, "tester", self.nonce())
        before = copy.deepcopy(self.input)
        decision = start(request, ID, self.now, self.policy)
        assert decision == start(request, ID, self.now, self.policy), "same arguments, same answer"
        assert self.input == before, "arguments stay as they are"
        self.started = True
        self._take(decision)
        return self.head

    def decide(self, event: Event, definition: Definition | str | None = "own") -> Decision:
        """Decide twice on copies, compare, and take the decision over."""
        chosen = self.definition if isinstance(definition, str) else definition
        before = copy.deepcopy((self.head, event))
        decision = decide(chosen, self.head, event, self.now, self.policy)
        assert (self.head, event) == before, "arguments stay as they are"
        again = decide(chosen, before[0], before[1], self.now, self.policy)
        assert decision == again, "same arguments, same answer"
        self._take(decision)
        return decision

    def _take(self, decision: Decision) -> None:
        if decision.changed:
            self.commits += 1
            self.head = decision.execution
            check_head(self.head)
            if len(self.head.events) > FLUSH_ABOVE_EVENTS:
                self.flushed.extend(self.head.events)
                self.head = replace(self.head, events=(), flushed_seq=self.head.seq)
        else:
            assert decision.execution == self.head
        self.sends.extend(decision.sends)
        self.all_sends.extend(decision.sends)
        self.tasks.extend(decision.tasks)

    def deliver(self) -> None:
        """Process the message that is due first; when there is none, the look that the index asks for."""
        if self.sends:
            send = min(self.sends, key=lambda send: send.due_at_ms)
            self.sends.remove(send)
        else:
            assert self.head.due_at_ms is not None, "a live head is always looked at"
            send = Send(look_token(self.head.due_at_ms), self.head.due_at_ms, "look")
        self.now = max(self.now, send.due_at_ms)
        if send.kind == "look":
            self.decide(Looked(self.nonce(), looked_at_ms(send.token)))
        else:
            self._drive(send.token)

    def _drive(self, token: str) -> None:
        """Do what the processor does for one message: go on as long as its token is live."""
        n = self.nonce()
        cover = Cover(token, self.now + 50 * SECOND) if self.inline else None
        event: Event | None = Arrived(token, n, cover)
        while event is not None:
            decision = self.decide(event)
            if decision.rest is not None:
                event = decision.rest
            elif decision.tasks:
                event = AllPerformed(tuple(self.performed(task, n, cover) for task in decision.tasks), n, cover)
            elif decision.changed and any(cursor.token == token for cursor in self.head.cursors):
                event = Arrived(token, n, cover)
            else:
                event = None

    def performed(self, task: Task, n: str = "", cover: Cover | None = None) -> Performed:
        """Make a call: of the outside, or of other executions, which `child` stands for."""
        result = TaskResult(None)
        if task.type == "child":
            result = TaskResult(self.child(task))
        elif task.type == "gather":
            result = TaskResult([{"gathered": name} for name in task.request["ids"]])
        elif task.type != "cancel":
            result = self.answer(task)
        else:
            self.told += task.request["ids"]
        return Performed(task.visit, task.attempt, result, n or self.nonce(), cover, task.path, task.life)

    def hear(self, event: Event) -> bool:
        """Decide what somebody outside says; False when it changed nothing."""
        return self.decide(event).changed

    def tell(self, task: int = 0, value: Any = None, error: str | None = None) -> bool:
        """Answer one of the open tasks."""
        cursor = [cursor for cursor in self.head.cursors if cursor.waits == "task"][task]
        answer = TaskResult(value, error, "of the test")
        return self.hear(Answered(cursor.visit, cursor.attempt, answer, "ann", self.nonce()))

    def settle(self) -> World:
        """Deliver all that is due now."""
        if not self.started:
            self.begin()
        while any(send.due_at_ms <= self.now for send in self.sends):
            self.deliver()
        return self

    def run(self, limit: int = 20_000) -> World:
        """Go on to the end."""
        if not self.started:
            self.begin()
        while not self.head.ended:
            limit -= 1
            assert limit > 0, "it never ends"
            self.deliver()
        return self

    @property
    def events(self) -> list[HistoryEvent]:
        return [*self.flushed, *self.head.events]

    @property
    def history(self) -> list[dict[str, Any]]:
        return [event.document() for event in self.events]

    @property
    def trail(self) -> list[str]:
        """Return history as `Type step`."""
        return [f"{event.type} {event.step}" if event.step else event.type for event in self.events]

    @property
    def visited(self) -> list[str]:
        return [event.step or "" for event in self.events if event.type == "StepStarted"]


def check_head(head: Execution) -> None:
    """Check what holds for every head that is written."""
    assert [event.seq for event in head.events] == list(range(head.flushed_seq + 1, head.seq + 1))
    stored = json.loads(json.dumps(to_document(head), allow_nan=False))
    assert from_document(stored, head.events) == head
    json.dumps([event.row() for event in head.events], allow_nan=False).encode()
    if head.ended:
        assert head.cursors == ()
        assert head.due_at_ms is None
        assert head.ended_at_ms is not None
        assert head.by is not None
        return
    assert head.cursors
    deadline = head.deadline_at_ms if head.ending is None else None
    if deadline is None and all(cursor.due_at_ms == NEVER_MS for cursor in head.cursors):
        assert head.due_at_ms is None, "nothing ever happens by itself"
        return
    assert head.due_at_ms is not None
    for cursor in head.cursors:
        assert head.due_at_ms <= (cursor.due_at_ms if cursor.in_index else cursor.watch_at_ms)
    if deadline is not None:
        assert head.due_at_ms <= deadline


def ended(steps: dict[str, Any] | list[dict[str, Any]], input: Any = None, **fields: Any) -> World:
    """Run a definition of these steps to its end."""
    answer = fields.pop("answer", ok)
    listed = steps if isinstance(steps, list) else [steps]
    return World(document(*listed, **fields), input, answer).run()

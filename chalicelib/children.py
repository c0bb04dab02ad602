"""Other executions, as effects: a child is started or looked at, results are gathered, children are told to end.

All of it may be done again at any time: a child's id is computed, its head is written only where there is none, and
what has ended stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.commits import commit, let_expire
from chalicelib.engine.branches import PartRequest, start_part, tombstone
from chalicelib.engine.decide import Decision, StartRequest, decide, start
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Policy
from chalicelib.engine.effects import Send, Task, TaskResult
from chalicelib.engine.errors import (
    CANCELLED,
    DEFINITION_UNKNOWN,
    INPUT_INVALID,
    PROCESSING_FAILED,
    TOO_DEEP,
    SedoError,
)
from chalicelib.engine.events import CancelRequested, Redriven
from chalicelib.engine.execution import Execution, State
from chalicelib.engine.redrive import obstacle
from chalicelib.outbox import outgoing
from chalicelib.ports import Conflict, Outgoing, Unavailable
from chalicelib.runtime import Runtime

MAX_DEPTH = 16
"""So many executions may stand above each other by `execute`."""
BY_PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Done:
    """What an effect on other executions came to, and the messages without which it is not done."""

    result: TaskResult
    messages: list[Outgoing] = field(default_factory=list)


class Children:
    """Performs what one execution wants of others. Who calls it sends the messages, and only then takes the result."""

    def __init__(self, runtime: Runtime, policy: Policy) -> None:
        self.runtime = runtime
        # Who starts children is itself delivered again, or is a caller: its own patience is theirs.
        self.policy = replace(policy, api_watch_ms=policy.watch_ms)

    def perform(self, parent: Execution, task: Task) -> Done:
        """Do what a task says. Raises Unavailable, and what else says that it must be done again."""
        match task.type:
            case "child":
                return self._child(parent, task.request)
            case "gather":
                return Done(self._gathered(task.request["ids"]))
        told = [self._cancel(parent, child) for child in task.request["ids"]]
        return Done(TaskResult(value=None), [message for messages in told for message in messages])

    def _messages(self, head: Execution, sends: Iterable[Send]) -> list[Outgoing]:
        return outgoing(self.runtime, head, [send for send in sends if send.kind != "ended"])

    def _child(self, parent: Execution, request: dict[str, Any]) -> Done:
        """Start a child, or find out how far it is."""
        decision = self._begun(parent, request)
        if isinstance(decision, TaskResult):
            return Done(decision)
        outcome = commit(self.runtime, None, decision.execution)
        if not isinstance(outcome, Conflict):
            let_expire(self.runtime, decision.execution)
            return self._done(decision)
        found = outcome.current
        if found is None:
            raise Unavailable(f"{request['id']} is neither there nor not")
        if found.ended and found.state is not State.SUCCEEDED and found.life < request["life"]:
            return self._redriven(parent, found, request["life"])
        if found.version == found.begun_version and not found.ended and not request["look"]:
            # Its messages may never have been sent. One that is only looked at has a watchdog of its own.
            return self._done(Decision.resend_all(found, self.runtime.policy))
        let_expire(self.runtime, found)  # whoever ended it here may not have come to it
        return Done(TaskResult(value=came_to(found)))

    def _done(self, decision: Decision) -> Done:
        head = decision.execution
        return Done(TaskResult(value=came_to(head)), self._messages(head, decision.sends))

    def _redriven(self, parent: Execution, child: Execution, life: int) -> Done:
        """Let a child go on from what failed in it; a part of a map does so on its parent's version."""
        same = (parent.tenant_id, parent.definition_id) == (child.tenant_id, child.definition_id)
        is_part = child.parent is not None and "start" in child.parent
        version = parent.definition_version if is_part and same else child.definition_version
        definition = self.runtime.definition(replace(child, definition_version=version))
        why = "its definition is gone" if definition is None else obstacle(definition, child)
        if definition is None or why is not None:
            return Done(TaskResult(error=PROCESSING_FAILED, cause=f"{child.id} cannot go on: {why}"))
        event = Redriven(version, f"execution {parent.id}", self.runtime.nonces(), life)
        decision = decide(definition, child, event, self.runtime.now_ms(), self.policy)
        outcome = commit(self.runtime, child, decision.execution)
        if isinstance(outcome, Conflict):
            raise Unavailable(f"{child.id} was written by somebody else")
        return self._done(decision)

    def _begun(self, parent: Execution, request: dict[str, Any]) -> Decision | TaskResult:
        now, policy = self.runtime.now_ms(), self.policy
        told = {"id": parent.id, "token": request["token"]}
        salt = hashlib.sha256(f"{parent.salt}/{request['id']}".encode()).hexdigest()[:16]
        if "part" in request:
            definition = self.runtime.definition(parent)
            if definition is None:
                return TaskResult(error=PROCESSING_FAILED, cause=f"the definition of {parent.id} is gone")
            part = PartRequest(parent, told | request["part"], request, salt, self.runtime.nonces())
            return start_part(part, definition, now, policy)
        if parent.depth >= MAX_DEPTH:
            return TaskResult(error=TOO_DEEP, cause=f"{MAX_DEPTH} executions stand above this one already")
        wanted = self._definition(parent, request)
        if isinstance(wanted, TaskResult):
            return wanted
        begin = StartRequest(
            tenant_id=parent.tenant_id,
            definition=wanted,
            input=request["input"],
            actor=f"execution {parent.id}",
            by=self.runtime.nonces(),
            salt=salt,
            parent=told if request["wait"] else None,
            depth=parent.depth + 1,
        )
        # Nobody looks after a child that goes its own way, should this process end before it has sent.
        return start(begin, request["id"], now, policy if request["wait"] else self.runtime.policy)

    def _definition(self, parent: Execution, request: dict[str, Any]) -> Definition | TaskResult:
        """Return the child's definition, if it takes the input."""
        name, version = request["definition"], request["version"]
        stored = self.runtime.store.get_definition(parent.tenant_id, name, version)
        if stored is None:
            which = f"definition {name!r:.80}" if version is None else f"version {version} of definition {name!r:.80}"
            return TaskResult(error=DEFINITION_UNKNOWN, cause=f"{which} is unknown")
        definition = self.runtime.parsed(stored)
        problem = definition.input_problem(request["input"])
        return definition if problem is None else TaskResult(error=INPUT_INVALID, cause=problem)

    def _gathered(self, ids: Sequence[str]) -> TaskResult:
        """Read the results of a map's parts, in their order."""
        found: list[Any] = []
        for begin in range(0, len(ids), 100):
            batch = ids[begin : begin + 100]
            heads = self.runtime.store.load(batch)
            for child in batch:
                head = heads.get(child)
                if isinstance(head, SedoError):
                    raise head
                if head is None or head.state is not State.SUCCEEDED:
                    return TaskResult(error=PROCESSING_FAILED, cause=f"the results of {child} are gone")
                found += head.output["items"]
        return TaskResult(value=found)

    def _cancel(self, parent: Execution, child: str) -> list[Outgoing]:
        """Let a child end; one that was never born gets an end in its place, so that it never will be."""
        head: Execution | SedoError | None = self.runtime.store.load([child], whole=False).get(child)
        while True:
            if isinstance(head, SedoError):
                raise head
            event = CancelRequested(f"{parent.id} has left it", BY_PARENT, self.runtime.nonces())
            now = self.runtime.now_ms()
            if head is None:
                decision = tombstone(parent, child, event, now, self.runtime.policy)
            else:
                decision = decide(None, head, event, now, self.runtime.policy)
            if not decision.changed:
                let_expire(self.runtime, decision.execution)
                return self._messages(decision.execution, resend(decision.execution))
            outcome = commit(self.runtime, head, decision.execution)
            if not isinstance(outcome, Conflict):
                let_expire(self.runtime, decision.execution)
                return self._messages(decision.execution, decision.sends)
            head = outcome.current


def resend(head: Execution) -> tuple[Send, ...]:
    """Return the messages of a head that is about to end: whoever told it so may not have sent them."""
    return (
        tuple({c.token: Send(c.token, c.due_at_ms) for c in head.cursors if not c.in_index}.values())
        if head.ending
        else ()
    )


def came_to(head: Execution) -> dict[str, Any]:
    """Return what a parent wants to know of its child."""
    known: dict[str, Any] = {"id": head.id, "state": head.state.value, "life": head.life}
    if head.state is State.SUCCEEDED:
        known["output"] = head.output
    elif head.ended:
        known["error"] = head.error or {"name": CANCELLED, "cause": ""}
    return known

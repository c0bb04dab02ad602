"""Other executions, as effects: a child is started or looked at, results are gathered, children are told to end.

All of it may be done again at any time: a child's id is computed, its head is written only where there is none, and
what has ended stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from chalicelib.commits import commit, let_expire
from chalicelib.engine.births import StartRequest, start
from chalicelib.engine.branches import PartRequest, in_life, is_tombstone, outlived, spread_below, start_part, tombstone
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import Decision, sends_lost_with
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
MAX_SPREAD = 1_000_000
"""So many children may come to be side by side: maps that execute maps multiply, also by themselves."""
BY_PARENT = "parent"


class Children:
    """Performs what one execution wants of others.

    Their messages must have left before that one commits what came of it, since nobody else would send them:
    `send_all` comes after `perform`.
    """

    def __init__(self, runtime: Runtime, policy: Policy) -> None:
        self.runtime = runtime
        # Who starts children is itself delivered again, or is a caller: its own patience is theirs.
        self.policy = replace(policy, api_watch_ms=policy.watch_ms)
        self._lock = Lock()
        self._waiting: list[Outgoing] = []

    def send_all(self) -> None:
        """Send what waits. Raises Unavailable while some of it is refused; then that still waits."""
        if self._waiting:
            self._waiting = list(self.runtime.queue.send(self._waiting))
        if self._waiting:
            raise Unavailable(f"{len(self._waiting)} messages to children were not sent")

    def _put(self, head: Execution, sends: Iterable[Send]) -> None:
        """Take messages of a child; its parent finds out about an end by itself."""
        messages = outgoing(self.runtime, head, [send for send in sends if send.kind != "ended"])
        with self._lock:
            self._waiting += messages

    def perform(self, parent: Execution, task: Task) -> TaskResult:
        """Do what a task says. Raises Unavailable, and what else says that it must be done again."""
        match task.type:
            case "child":
                return self._child(parent, task.request)
            case "gather":
                return self._gathered(task.request["ids"])
        for child in task.request["ids"]:
            self._cancel(parent, child)
        return TaskResult(value=None)

    def _child(self, parent: Execution, request: dict[str, Any]) -> TaskResult:
        """Start a child, or find out how far it is."""
        decision = self._begun(parent, request)
        if isinstance(decision, TaskResult):  # it cannot begin, but it may have begun before
            found = self._load(request["id"])
            return decision if found is None else self._found(parent, request, found)
        outcome = commit(self.runtime, None, decision.execution)
        if not isinstance(outcome, Conflict):
            let_expire(self.runtime, outcome)
            self._put(outcome, decision.sends)
            return TaskResult(value=came_to(outcome))
        if outcome.current is None:
            raise Unavailable(f"{request['id']} is neither there nor not")
        return self._found(parent, request, outcome.current)

    def _load(self, child: str, *, whole: bool = True) -> Execution | None:
        head = self.runtime.store.load([child], whole=whole).get(child)
        if isinstance(head, SedoError):
            raise head
        return head

    def _found(self, parent: Execution, request: dict[str, Any], found: Execution) -> TaskResult:
        """Say how far a child is; its messages are sent again where they may be lost with who should have sent them."""
        if found.ended and found.state is not State.SUCCEEDED and found.life < request["life"]:
            if is_tombstone(found):
                return self._born_after(parent, request, found)
            return self._redriven(parent, request, found)
        if found.ended:
            let_expire(self.runtime, found)  # whoever ended it here may not have come to it
        elif found.version == 1 and not request["look"]:
            self._put(found, Decision.resend_all(found, self.runtime.policy).sends)
        elif not request["look"]:  # one that is only looked at has a watchdog of its own
            self._put(found, sends_lost_with(found, _life(found.life), ""))
        return TaskResult(value=came_to(found))

    def _born_after(self, parent: Execution, request: dict[str, Any], end: Execution) -> TaskResult:
        """Start a child in whose place an end was written: its parent lives again."""
        decision = self._begun(parent, request, end)
        if isinstance(decision, TaskResult):
            return decision
        return self._committed(end, decision)

    def _committed(self, before: Execution, decision: Decision) -> TaskResult:
        outcome = commit(self.runtime, before, decision.execution)
        if isinstance(outcome, Conflict):
            raise Unavailable(f"{before.id} was written by somebody else")
        let_expire(self.runtime, outcome)
        self._put(outcome, decision.sends)
        return TaskResult(value=came_to(outcome))

    def _redriven(self, parent: Execution, request: dict[str, Any], child: Execution) -> TaskResult:
        """Let a child go on from what failed in it; a part of a map does so on its parent's version, and sees with it
        what that version's steps ask for.
        """
        life = request["life"]
        same = (parent.tenant_id, parent.definition_id) == (child.tenant_id, child.definition_id)
        is_part = child.parent is not None and "start" in child.parent
        version = parent.definition_version if is_part and same else child.definition_version
        definition = self.runtime.definition(replace(child, definition_version=version))
        sees = replace(child, stash=request["stash"], shown=request["shown"]) if is_part and same else child
        why = "its definition is gone" if definition is None else obstacle(definition, sees)
        if definition is None or why is not None:
            return TaskResult(error=PROCESSING_FAILED, cause=f"{child.id} cannot go on: {why}")
        event = Redriven(version, f"execution {parent.id}", _life(life), life)
        decision = decide(definition, sees, event, self.runtime.now_ms(), self.policy)
        return self._committed(child, decision)

    def _begun(
        self, parent: Execution, request: dict[str, Any], after: Execution | None = None
    ) -> Decision | TaskResult:
        """Decide the child's beginning; it is named after its life, so that what it sends can be sent again."""
        life = parent.life if request.get("wait", True) else 1
        by = _life(life)
        now, policy = self.runtime.now_ms(), self.policy
        told = {"id": parent.id, "token": request["token"]}
        salt = hashlib.sha256(f"{parent.salt}/{request['id']}".encode()).hexdigest()[:16]
        if "part" in request:
            definition = self.runtime.definition(parent)
            if definition is None:
                return TaskResult(error=PROCESSING_FAILED, cause=f"the definition of {parent.id} is gone")
            part = PartRequest(parent, told | request["part"], request, salt, by, after)
            return start_part(part, definition, now, policy)
        if parent.depth >= MAX_DEPTH:
            return TaskResult(error=TOO_DEEP, cause=f"{MAX_DEPTH} executions stand above this one already")
        if (spread := spread_below(parent)) > MAX_SPREAD:
            return TaskResult(
                error=TOO_DEEP, cause=f"with the maps above there would be {spread} children side by side"
            )
        wanted = self._definition(parent, request)
        if isinstance(wanted, TaskResult):
            return wanted
        begin = StartRequest(
            tenant_id=parent.tenant_id,
            definition=wanted,
            input=request["input"],
            actor=f"execution {parent.id}",
            by=by,
            salt=salt,
            parent=told if request["wait"] else None,
            depth=parent.depth + 1,
            spread=spread,
            life=life,
            after=after,
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

    def _cancel(self, parent: Execution, child: str) -> None:
        """Let a child end in this life of its parent; one that was never born gets an end in its place.

        So it never will be. An end of an earlier life is moved into this one: who was about to let it go on loses the
        race. What lives a later life is the child of a parent that was redriven since, and is left alone.
        """
        head = self._load(child, whole=False)
        while head is None or head.life <= parent.life:
            by = f"left.{1 if head is None else head.life}"
            event = CancelRequested(f"{parent.id} has left it", BY_PARENT, by)
            now = self.runtime.now_ms()
            if head is not None and head.ended and head.life < parent.life and head.state is not State.SUCCEEDED:
                decision = outlived(head, parent.life)
            elif head is None:
                decision = tombstone(parent, child, event, now, self.runtime.policy)
            else:
                decision = decide(None, head, event, now, self.runtime.policy)
                if not head.ended and head.life < parent.life:  # it still ends, of an earlier life
                    decision = in_life(decision, head, parent.life)
            if not decision.changed:
                let_expire(self.runtime, decision.execution)
                self._put(decision.execution, _sends_of_ends(decision.execution))
                return
            outcome = commit(self.runtime, head, decision.execution)
            if not isinstance(outcome, Conflict):
                let_expire(self.runtime, outcome)
                self._put(outcome, decision.sends or _sends_of_ends(outcome))
                return
            head = outcome.current


def _sends_of_ends(head: Execution) -> list[Send]:
    """Return what those should have sent who told a child to end, in any of its lives."""
    return [send for life in range(1, head.life + 1) for send in sends_lost_with(head, f"left.{life}", "")]


def _life(life: int) -> str:
    """Return the name of what lets a child live again: whoever repeats it finds what should have been sent."""
    return f"life.{life}"


def came_to(head: Execution) -> dict[str, Any]:
    """Return what a parent wants to know of its child."""
    known: dict[str, Any] = {"id": head.id, "state": head.state.value, "life": head.life}
    if head.state is State.SUCCEEDED:
        known["output"] = head.output
    elif head.ended:
        known["error"] = head.error or {"name": CANCELLED, "cause": ""}
    return known

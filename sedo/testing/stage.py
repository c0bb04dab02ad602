"""One run of a definition in virtual time: the real use cases, processor, children and ticks in the simulation's world.

Calm, nothing goes wrong and only what is mocked takes time. Else faults strike as the world's own say.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib import dead_letters, processor, service, signals, ticks
from chalicelib.deliveries import BatchFailed
from chalicelib.engine import values
from chalicelib.engine.definition import Definition
from chalicelib.engine.errors import DefinitionInvalid
from chalicelib.engine.execution import Execution
from chalicelib.ports import StoredDefinition, Unavailable
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from sedo.simulation.checks import Violation
from sedo.simulation.faults import Faults
from sedo.simulation.hub import Killed
from sedo.simulation.invocations import Invocation, Parcel
from sedo.simulation.ports import SimulatedStore, make_runtime
from sedo.simulation.world import World
from sedo.testing.cases import Case, Entry, Signal, Stopped, first_line
from sedo.testing.library import STAND_IN, Library
from sedo.testing.people import People
from sedo.testing.runner import MockedRunner
from sedo.testing.script import Attempt, Script
from sedo.testing.waiting import is_stuck, waiting
from sedo.testing.whereabouts import Whereabouts

TENANT = "test"
NAME = "case"
LONGEST_MS = 101 * 366 * 86_400_000
MAX_STEPS = 1_000_000
VISIBILITY_MS = 360_000
AGAIN_MS = 1000
"""A caller of the API who got no answer tries again after so long."""


class Stage:
    """The world of one run, the mocks, and the people in it."""

    def __init__(
        self, library: Library, case: Case, script: Script, faults: Faults | None = None, *, trace: bool = False
    ) -> None:
        self.library = library
        self.case = case
        self.script = script
        self.world = World(case.name, Settings(), faults or Faults("", {}, 1.0), VISIBILITY_MS, trace=trace)
        self.world.calm = faults is None
        if case.start_ms is not None:
            self.world.hub.now_ms = case.start_ms
        self.start_ms = self.world.hub.now_ms
        self.cache: OrderedDict[tuple[str, str, int], Definition] = OrderedDict()
        self.whereabouts = Whereabouts(self)
        self.people = People(self)
        self.arms: set[tuple[str, str]] = set()
        self.requests: list[tuple[Attempt, Any]] = []
        self.pending = 0
        self.asked = 0
        self.refused: set[str] = set()
        self.root: str | None = None
        self.world.begin = self.begin_batch
        self.world.begin_tick = self.begin_tick
        self.world.after_commit = self.after_commit

    # --- the run

    def play(self) -> Execution:
        """Let everything happen and return the head as it is at the end. Raises Stopped, and the world's Violation."""
        logging.getLogger("sedo").setLevel(logging.CRITICAL + 1)
        self.act(self._start)
        if not self._run():
            raise Stopped("the run does not come to an end: does the definition go in circles?", self.case.at)
        head = None if self.root is None else self.world.current[self.root]
        if head is None or not head.ended:
            raise Stopped(f"the run waits for ever: {waiting(self)}", self.case.at)
        return head

    def _run(self) -> bool:
        try:
            return self.world.hub.run(self.start_ms + LONGEST_MS, MAX_STEPS)
        except Violation as broken:
            raise Stopped(
                f"sedo itself has broken a promise, which is not the definition's fault: {broken}", self.case.at
            ) from broken

    def _start(self, runtime: Runtime) -> None:
        try:
            begun = service.start_execution(
                runtime, TENANT, self.library.id, self.case.input, actor="sedo test", name=NAME
            )
        except service.InputRejected as refused:
            raise Stopped(
                f"the input does not pass inputSchema: {first_line(refused.detail)}", f"{self.case.at}/input"
            ) from None
        if self.root is not None:
            return
        self.root = begun.id
        for number, signal in enumerate(self.case.signals):
            self.act(
                partial(self.send, execution_id=begun.id, signal=signal, id=f"case-{number}"), signal.after_seconds
            )
        if self.case.cancel is not None:
            after, cause = self.case.cancel
            self.act(lambda again: self._cancel(again, begun.id, cause), after)

    def send(self, runtime: Runtime, execution_id: str, signal: Signal, id: str) -> None:
        """Send a signal; one that comes too late is nobody's fault."""
        try:
            signals.send_signal(runtime, TENANT, execution_id, signal.name, signal.payload, id=id, actor="sedo test")
        except (service.AlreadyEnded, signals.MailboxFull) as refused:
            self.refused.add(id)
            self.world.tell(None, f"signal {signal.name} is refused: {refused}")

    def _cancel(self, runtime: Runtime, execution_id: str, cause: str | None) -> None:
        try:
            service.cancel_execution(runtime, TENANT, execution_id, cause, actor="sedo test")
        except service.AlreadyEnded as refused:
            self.world.tell(None, f"cancelling is refused: {refused}")

    # --- invocations

    def act(self, job: Callable[[Runtime], None], after_seconds: float = 0.0) -> None:
        """Let a caller of the API do something later; who gets no answer asks again."""
        self.pending += 1

        def call(runtime: Runtime, _: Invocation) -> None:
            self.pending -= 1
            self.asked += 1
            try:
                job(runtime)
            except (Killed, Unavailable):
                self.act(job, AGAIN_MS / 1000)
                raise

        self.spawn("api", call, round(after_seconds * 1000))

    def spawn(
        self, kind: str, job: Callable[[Runtime, Invocation], None], delay_ms: int, parcels: list[Parcel] | None = None
    ) -> None:
        """Run real code as an invocation of its own."""
        world = self.world
        who = Invocation(world.number(kind), kind, parcels=parcels or [])
        for parcel in who.parcels:
            who.touched[parcel.message.execution_id] = None
            who.receives[parcel.number] = parcel.receives
        runtime = self._runtime(who)

        def live() -> None:
            try:
                job(runtime, who)
            except Killed:
                pass
            except (BatchFailed, Unavailable) as error:
                world.tell(who, f"fails: {error}")
            finally:
                world.end(who)

        world.hub.at(world.hub.now_ms + delay_ms, live)

    def _runtime(self, who: Invocation) -> Runtime:
        handles = {f"{parcel.number}.{parcel.receives}": (parcel, parcel.receives) for parcel in who.parcels}
        runtime = make_runtime(self.world, who, self.cache, handles)
        return replace(runtime, store=_Shelf(self, who), tasks=MockedRunner(self, who))

    def begin_batch(self, queue: str, parcels: list[Parcel]) -> None:
        """Do what the event source does: invoke with a batch, and delete it when the handler returns."""
        self.world.counts.invocations += 1
        event = {"Records": [parcel.record() for parcel in parcels]}
        handle = dead_letters.handle_dead_letters if queue == "dead" else processor.handle_batch

        def job(runtime: Runtime, who: Invocation) -> None:
            if self.world.story is not None:
                texts = [f"{parcel.text} of {parcel.message.execution_id}" for parcel in parcels]
                self.world.tell(who, f"receives {', '.join(texts)}")
            handle(runtime, event)
            self.world.io(who, "acknowledge", lambda: self.world.post.delete(who, parcels))

        self.spawn("dead letters" if queue == "dead" else "processor", job, 0, parcels)

    def begin_tick(self) -> None:
        """Do what the schedule does, unless nothing but a mock that is not there could move anything on."""
        if is_stuck(self):
            raise Stopped(f"the run waits for ever: {waiting(self)}", self.case.at)

        def look(runtime: Runtime, _: Invocation) -> None:
            ticks.tick(runtime)

        self.spawn("tick", look, 0)

    # --- what waits

    def after_commit(self, head: Execution) -> None:
        """See what a head waits for now."""
        self.whereabouts.note(head)
        self.people.see(head)

    def entry(self, attempt: Attempt, what: str) -> Entry:
        """Return the answer of an attempt. Raises Stopped when there is none left."""
        found = self.script.take(attempt)
        if found is None:
            visit = f"visit {attempt.visit}, attempt {attempt.number}" + (
                f", item {attempt.item}" if attempt.item else ""
            )
            at = f"{self.case.at}/mocks"
            if self.script.knows(attempt.step):
                raise Stopped(
                    f"no mock is left for {attempt.step}: {what} ({visit})", f"{at}/{attempt.step.replace('/', '~1')}"
                )
            raise Stopped(f"there is no mock of {attempt.step}: {what} ({visit})", at)
        return found

    def stop(self, message: str, at: str) -> None:
        """End the run for what is wrong with the test."""
        raise Stopped(message, at)

    def check_request(self, entry: Entry, attempt: Attempt, found: Mapping[str, Any]) -> None:
        """See that what goes out is what the test wants to see. Raises Stopped.

        Among faults nobody looks: what goes out may name the time.
        """
        for name, wanted in (entry.request or {}).items() if self.world.calm else ():
            if name not in found or not values.equal(found[name], wanted):
                shown = values.text(found[name]) if name in found else "nothing"
                text = f"{attempt.step} asks with another {name}: expected {values.text(wanted)}, found {shown}"
                raise Stopped(text, f"{entry.at}/request/{name}")

    def find(self, name: str) -> StoredDefinition | None:
        """Return a definition by its id, and keep it ready."""
        key = (TENANT, name, 1)
        if key not in self.cache:
            try:
                found = self.library.definition(name, self._mocked(name), lambda step, arm: self.arms.add((step, arm)))
            except DefinitionInvalid as invalid:
                raise Stopped(f"the definition {name} beside is wrong: {invalid}", f"{self.case.at}/mocks") from None
            if found is None:
                return None
            self.cache[key] = found
        return StoredDefinition(TENANT, name, 1, self.start_ms, {})

    def _mocked(self, name: str) -> frozenset[str]:
        """Return the mocked steps of a definition; those of children are named after the steps above."""
        inner = name != self.library.id
        return frozenset(step.rpartition("/")[2] for step in self.script.mocks if ("/" in step) is inner)


class _Shelf(SimulatedStore):
    """The store, with definitions from files."""

    def __init__(self, stage: Stage, who: Invocation) -> None:
        super().__init__(stage.world, who)
        self.stage = stage

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Return a definition; there is one version of each. Raises Stopped for a child that nobody knows."""
        found: StoredDefinition | None = self.world.io(
            self.who, "get_definition", lambda: self.stage.find(definition_id)
        )
        if found is None and STAND_IN not in definition_id:
            text = f"there is neither a mock of the child {definition_id!r:.80} nor a file with that definition"
            raise Stopped(text, f"{self.stage.case.at}/mocks")
        return found

"""One run: what its seed chooses, the actors, virtual time until all is quiet, and the checks at the end."""

from __future__ import annotations

import gc
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from chalicelib import dead_letters, processor, ticks
from chalicelib.deliveries import BatchFailed
from chalicelib.engine.definition import parse
from chalicelib.engine.timetable import plan as first_rows
from chalicelib.ports import Unavailable
from chalicelib.runtime import Runtime

from sedo.simulation.actors import Actors
from sedo.simulation.bounds import bounded
from sedo.simulation.callers import Callers, is_root
from sedo.simulation.checks import Violation
from sedo.simulation.endings import check_ending
from sedo.simulation.faults import Fault, Faults
from sedo.simulation.hub import Killed
from sedo.simulation.invocations import FOREVER, START_MS, Invocation, Parcel
from sedo.simulation.outside import PoisonError
from sedo.simulation.plan import Options, make_plan
from sedo.simulation.ports import Cache, make_runtime
from sedo.simulation.scenarios import TENANT, Scenario
from sedo.simulation.trees import TreeScenario
from sedo.simulation.world import Counts, World

LONGEST_MS = 400 * 86_400_000
MAX_STEPS = 400_000
MAX_ROUNDS = 40


@dataclass
class Result:
    """What came of one run."""

    seed: int
    scenario: int
    executions: int
    violation: Violation | None
    faults: list[Fault]
    counts: Counts
    story: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)


class Run:
    """One seed's world and the actors in it."""

    def __init__(self, seed: int, options: Options) -> None:
        self.seed = seed
        self.plan = make_plan(seed, options)
        self.draw = Random(f"run {seed}")
        plan = self.plan
        faults = Faults(str(seed), plan.budgets, plan.rate, options.dropped)
        self.world = World(str(seed), plan.settings, faults, plan.visibility_ms, trace=options.trace)
        self.world.begin = self.begin_batch
        self.world.begin_tick = self.begin_tick
        self.cache: Cache = OrderedDict()
        self.callers = Callers(self)
        self.actors: Actors | None = None
        if isinstance(plan.scenario, TreeScenario):
            self.actors = Actors(self)
            self.world.after_commit = self.actors.after_commit
            self.world.called = self.actors.called
            if plan.scenario.kid is not None:
                self._publish(plan.scenario.kid)
        self.document = plan.scenario.document
        self._publish(plan.scenario if plan.every_seconds is None else self._scheduled(plan.every_seconds))

    def _scheduled(self, seconds: int) -> Scenario:
        """Return the scenario with a schedule: all that it starts has one input."""
        given = {"k": self.seed % 10, "script": f"t{self.seed}"}
        schedule = [{"every": f"{seconds}s", "input": given}]
        self.document = {**self.document, "schedule": schedule}
        self.world.timetables.period_ms = seconds * 1000
        self.world.timetables.given = given
        return replace(self.plan.scenario, document=self.document, definition=parse(self.document, version=1))

    def _publish(self, scenario: Scenario) -> None:
        definition = scenario.definition
        rows = first_rows(definition.schedules, (), START_MS)
        version = self.world.timetables.post(TENANT, definition.id, scenario.document, rows)
        if self.plan.cached:
            self.cache[(TENANT, definition.id, version)] = definition

    def simulate(self) -> None:
        """Let everything happen, and check what came of it. Raises Violation."""
        self.world.tell(None, f"scenario {self.plan.scenario.number}: {self.plan.scenario.document}")
        self.world.tell(None, f"{self.plan.settings}, visibility {self.plan.visibility_ms / 1000} s")
        self.world.tell(None, f"{self.plan.bounds}")
        for i in range(self.plan.executions):
            self.callers.plan_execution(i)
        if self.plan.every_seconds is not None:
            self.callers.plan_schedule(self.plan.every_seconds * 1000, self.plan.ticks)
        self._until_quiet()
        self.world.calm = True
        self._check_one_each()
        who = Invocation(1, "reader")
        runtime = make_runtime(self.world, who, self.cache, {})
        for name in self.world.current:
            check_ending(self, name)
            self.callers.read(runtime, who, name)
        if self.draw.random() < 0.2:
            self._replay(runtime)

    def _until_quiet(self) -> None:
        for _ in range(MAX_ROUNDS):
            if not self.world.hub.run(START_MS + LONGEST_MS, MAX_STEPS):
                late = (self.world.hub.now_ms - START_MS) / 1000
                raise Violation("ends", f"still busy at {late} s: {self.world.live()}")
            if self.actors is None or not self.actors.signal_again():
                break
        if self.world.live():
            raise Violation("ends", f"quiet, and yet alive: {self.world.live()}")

    # --- invocations

    def spawn(
        self, kind: str, job: Callable[[Runtime, Invocation], Any], delay_ms: int, parcels: Sequence[Parcel] = ()
    ) -> None:
        """Run real code as an invocation of its own."""
        world = self.world
        who = Invocation(world.number(kind), kind, self.draw.choice(self.plan.skews_ms))
        who.take(list(parcels))
        if kind in ("processor", "dead letters"):
            who.limit_ms = (
                self.plan.limit_ms if self.plan.limit_ms == FOREVER else world.hub.now_ms + self.plan.limit_ms
            )
        handles = {f"{parcel.number}.{parcel.receives}": (parcel, parcel.receives) for parcel in who.parcels}
        runtime = make_runtime(world, who, self.cache, handles)

        def live() -> None:
            who.began_ms = world.hub.now_ms
            try:
                job(runtime, who)
            except Killed:
                pass
            except (BatchFailed, Unavailable, PoisonError) as error:
                world.tell(who, f"fails: {error}")
                if isinstance(error, BatchFailed):
                    _check_batch(who)
            finally:
                world.end(who)

        world.hub.at(world.hub.now_ms + delay_ms, live)

    def begin_batch(self, queue: str, parcels: list[Parcel]) -> None:
        """Do what the event source does: invoke with a batch, and delete it when the handler returns."""
        self.world.counts.invocations += 1
        records = [parcel.record() for parcel in parcels]
        kind = "dead letters" if queue == "dead" else "processor"

        def job(runtime: Runtime, who: Invocation) -> None:
            if self.world.story is not None:
                texts = [
                    f"{parcel.text} of {parcel.message.execution_id} (receive {parcel.receives})" for parcel in parcels
                ]
                self.world.tell(who, f"receives {', '.join(texts)}")
            if queue == "dead":
                dead_letters.handle_dead_letters(runtime, {"Records": records})
            else:
                remaining = None if self.plan.limit_ms == FOREVER else self.plan.limit_ms
                processor.handle_batch(runtime, {"Records": records}, remaining)
            struck = len(self.world.faults.fired)
            self.world.io(who, "acknowledge", lambda: self._acknowledge(who, parcels, struck))

        self.spawn(kind, job, 0, parcels=parcels)

    def _acknowledge(self, who: Invocation, parcels: list[Parcel], struck: int) -> None:
        kinds = [fault.kind for fault in self.world.faults.fired[struck:]]
        if "not_deleted" in kinds:
            self.world.tell(who, "the batch is deleted in part only")
            parcels = [parcel for parcel in parcels if self.draw.random() < 0.5]
        self.world.post.delete(who, parcels)

    def begin_tick(self) -> None:
        """Do what the schedule does."""
        self.spawn("tick", lambda runtime, who: ticks.tick(runtime), int(self.draw.random() * 1500))

    # --- the end

    def _check_one_each(self) -> None:
        """See that one call to start, however often it was repeated below or by name, made one execution."""
        by_hand = [head for head in self.world.current.values() if head.id not in self.world.timetables.ids]
        scripts = [head.input["script"] for head in by_hand if is_root(head)]
        if len(scripts) != len(set(scripts)):
            raise Violation("one", f"{len(scripts)} executions for {len(set(scripts))} starts")

    def _driving(self) -> int:
        """Count the messages that can drive something: news of an ended child is told again to whoever asks."""
        return sum(message.kind != "ended" for message, _ in self.world.post.sent)

    def _replay(self, runtime: Runtime) -> None:
        """Deliver every message ever sent once more, and twice, in any order: nothing may follow from it."""
        world = self.world
        before = {name: stored.version for name, stored in world.heads.items()}
        messages = world.post.sent * 2
        self.draw.shuffle(messages)
        sent, calls = self._driving(), world.counts.calls
        for start in range(0, len(messages), 10):
            parcels = [Parcel(0, message, body, "ready", 1) for message, body in messages[start : start + 10]]
            processor.handle_batch(runtime, {"Records": [parcel.record() for parcel in parcels]})
        after = {name: stored.version for name, stored in world.heads.items()}
        if (after, sent, calls) != (before, self._driving(), world.counts.calls):
            raise Violation("replay", "old messages changed something")


def _check_batch(who: Invocation) -> None:
    """See that nothing of a failed batch is left without a reason to come back; who was struck has one for all."""
    for parcel in () if who.struck else who.parcels:
        family = parcel.message.execution_id.partition(".")[0]
        if not parcel.gone and parcel.receives == who.receives[parcel.number] and family not in who.troubled:
            raise Violation("batch", f"{who.label} leaves {parcel.text} of {parcel.message.execution_id} for no reason")


def simulate(seed: int, options: Options | None = None) -> Result:
    """Run one seed."""
    logging.getLogger("sedo").setLevel(logging.CRITICAL + 1)
    # A greenlet begins as deep as the one that begins it is, and they begin each other.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))
    collecting = gc.isenabled()
    gc.disable()  # a run makes much that it needs to its end: looking for rubbish meanwhile costs a tenth
    try:
        run = Run(seed, options or Options())
        with bounded(run.plan.bounds):
            return _simulate(run)
    finally:
        if collecting:
            gc.enable()


def _simulate(run: Run) -> Result:
    violation = None
    try:
        run.simulate()
    except Violation as error:
        violation = error
    world = run.world
    states: dict[str, int] = {}
    for head in world.current.values():
        states[head.state.value] = states.get(head.state.value, 0) + 1
    result = Result(
        seed=run.seed,
        scenario=run.plan.scenario.number,
        executions=len(world.current),
        violation=violation,
        faults=world.faults.fired,
        counts=world.counts,
        story=world.story or [],
        states=states,
    )
    if violation is None:
        vars(world).clear()  # everything knows the world: without it all is gone at once, and no collector is needed
    return result

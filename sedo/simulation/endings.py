"""The checks at the end of a run: what came out must be what the reference says, and on time where nothing struck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.asking import DEFAULT_CALL_SECONDS
from chalicelib.engine.execution import State
from chalicelib.engine.history import EventType, HistoryEvent

from sedo.simulation.acceptor import Acceptor
from sedo.simulation.checks import OUTCOMES, Record, Violation, check_unchanged
from sedo.simulation.durations import Durations, all_steps
from sedo.simulation.places import is_part, places_of
from sedo.simulation.reference import GIVEN_UP, Expected, interpret
from sedo.simulation.scenarios import answer_of
from sedo.simulation.trees import TreeScenario

if TYPE_CHECKING:
    from sedo.simulation.run import Run

HARMLESS = frozenset({"busy"})
"""Faults that must not make a timer late."""
Visits = list[tuple[str, int, str | None]]


def check_tree(run: Run, name: str, scenario: TreeScenario) -> None:
    """See that what happened in an execution that branches, and in its children, is what its definition says."""
    head = run.world.current[name]
    check_unchanged(run.world.records[name], name)
    if is_part(head) or head.visits == 0:
        return
    own = scenario.kid if head.depth else scenario
    if own is None or run.actors is None:
        raise Violation("reference", f"{name} is a child of nobody")
    ends = {
        other: (child.state.value, child.output, child.error["name"] if child.error else None)
        for other, child in run.world.current.items()
    }
    log = run.world.records[name].log
    received = [
        (event.details["name"], event.details["payload"]) for event in log if event.type == EventType.SIGNAL_RECEIVED
    ]
    fans = frozenset(step for step, meaning in own.meaning.items() if "inner" in meaning or meaning.get("kid"))
    places = places_of(name, run.world.current, run.world.records, fans)
    spent = frozenset(other for other in run.world.current if run.world.drivers.may_give_up(other))
    acceptor = Acceptor(name, own, places, run.actors.given, received, ends, head.input["script"], spent)
    outcome = acceptor.run(head.input)
    state, error = head.state.value, head.error["name"] if head.error else None
    expected = {"done": "ExecutionSucceeded", "failed": "ExecutionFailed"}.get(outcome.kind)
    if state in ("ExecutionSucceeded", "ExecutionFailed"):
        same = outcome.value == (head.output if outcome.kind == "done" else error)
        if state != expected or not same:
            raise Violation("reference", f"{name}: expected {outcome}, found {state} {error} {head.output}")
    elif head.depth == 0:
        _check_stopped(run, name, state)
    _check_deadline(run, name)
    if name in run.callers.cancelled and head.life == 1 and state != "ExecutionCancelled":
        raise Violation("reference", f"{name} was cancelled, and is {state}")


def _is_too_slow(run: Run, record: Record, visit: int, attempt: int) -> bool:
    """Say whether a call takes so long that its message comes again: without faults nothing else is given up."""
    step, script = run.plan.scenario.definition.steps[record.steps[visit]], record.log[0].details["input"]["script"]
    takes = answer_of(script, visit, attempt, step.timeout_seconds or DEFAULT_CALL_SECONDS).takes_ms
    return step.type.name in ("http", "lambda", "queue") and takes >= run.plan.visibility_ms - 5000


def _check_deadline(run: Run, name: str) -> None:
    """See that in no life anything came to an outcome after its deadline, by the clock of whoever decided it.

    An end may be written later, since it waits for its children to be told.
    """
    deadline = run.world.current[name].deadline_at_ms
    if deadline is None:
        return
    lives = _lives(run.world.records[name])
    allowed = deadline - lives[-1][0].at_ms
    for life in lives:
        moments = [event.at_ms for event in life if event.type in OUTCOMES]
        late = max(moments, default=0) - (life[0].at_ms + allowed)
        if late >= 0 and life[-1].type in (EventType.EXECUTION_SUCCEEDED, EventType.EXECUTION_FAILED):
            raise Violation("deadline", f"{name} went on {late / 1000} s after its deadline: {life[-1].type}")


def _lives(record: Record) -> list[list[HistoryEvent]]:
    """Return the history in parts: up to the first redrive, and from each redrive on."""
    lives: list[list[HistoryEvent]] = []
    for event in record.log:
        if not lives or event.type == EventType.EXECUTION_REDRIVEN:
            lives.append([])
        lives[-1].append(event)
    return lives


def check_ending(run: Run, name: str) -> None:
    """Compare one ended execution with the reference.

    Succeeded and failed ones must match in all; a timed-out or cancelled one must be a beginning of what the
    reference does, and have a reason: its deadline, or somebody who cancelled it.
    """
    _check_expiry(run, name)
    _check_durations(run, name)
    if isinstance(run.plan.scenario, TreeScenario):
        check_tree(run, name, run.plan.scenario)
        return
    head = run.world.current[name]
    record = run.world.records[name]
    check_unchanged(record, name)
    visits, given_up = _visits(record)
    if not run.world.drivers.may_give_up(name):
        given_up = {}
    elif not run.world.faults.fired:
        given_up = {visit: attempt for visit, attempt in given_up.items() if _is_too_slow(run, record, visit, attempt)}
    expected = interpret(run.plan.scenario, head.input, given_up)
    state = head.state.value
    if name in run.callers.cancelled and state != "ExecutionCancelled":
        raise Violation("reference", f"{name} was cancelled, and is {state}")
    if state in ("ExecutionSucceeded", "ExecutionFailed"):
        error = head.error["name"] if head.error else None
        found = Expected(state, head.output, error, visits)
        if found != expected:
            raise Violation("reference", f"{name}: expected {expected}, found {found}")
    else:
        _check_stopped(run, name, state)
        _check_beginning(name, visits, record, expected)
    _check_deadline(run, name)


def _check_expiry(run: Run, name: str) -> None:
    """See that what an execution left beside its head expires, if somebody ended it who is called again.

    Who flushes and then loses the race, or ends there, may leave a chunk of which no head knows: none looks for it. Who
    kept chunks for a redrive, and ended before it was committed, leaves them without expiry.
    """
    world, head = run.world, run.world.current[name]
    if (
        world.makers[name].writes_alone(name)
        or name in world.drivers.robbed
        or world.stamps.get(name, 0) > head.version
    ):
        return
    if head.state is State.CANCELLED and (head.parent or {}).get("id") in world.drivers.buried:
        return  # who told it to end may have been given up before it had come to this
    if head.chunks and name not in world.stamped:
        raise Violation("expiry", f"{name} has ended, and its chunks never expire")


def _check_stopped(run: Run, name: str, state: str) -> None:
    head = run.world.current[name]
    if state == "ExecutionCancelled" and name not in run.callers.asked_to_cancel:
        raise Violation("reference", f"{name} is cancelled, and nobody asked for it")
    if state == "ExecutionTimedOut":
        deadline, ended = head.deadline_at_ms, head.ended_at_ms
        if deadline is None or ended is None or ended < deadline - 2000:
            raise Violation("reference", f"{name} timed out at {ended}, its deadline is {deadline}")
        if set(run.plan.budgets) <= HARMLESS and name not in run.world.disturbed and ended > deadline + 62_000:
            raise Violation("late", f"{name} timed out {(ended - deadline) / 1000} s late")


def _check_beginning(name: str, visits: Visits, record: Record, expected: Expected) -> None:
    whole = [visit for number, visit in enumerate(visits, 1) if number in record.outcomes]
    if whole != expected.visits[: len(whole)] or len(visits) - len(whole) > 1:
        raise Violation("reference", f"{name}: expected a beginning of {expected.visits}, found {visits}")


def _visits(record: Record) -> tuple[Visits, dict[int, int]]:
    """Return (step, attempts, error) of each visit from the history, and where processing was given up."""
    errors: dict[int, str | None] = {}
    given_up: dict[int, int] = {}
    for event in record.log:
        visit, attempt = event.visit, event.attempt
        if event.type in OUTCOMES and visit is not None and attempt is not None:
            error = event.details.get("error")
            errors[visit] = error["name"] if error else None
            if errors[visit] == GIVEN_UP:
                given_up[visit] = attempt
    return [(step, record.attempts[visit], errors.get(visit)) for visit, step in record.steps.items()], given_up


def _check_durations(run: Run, name: str) -> None:
    """See that waits, timeouts and pauses took as long as the definition says."""
    world, head, scenario = run.world, run.world.current[name], run.plan.scenario
    kid = scenario.kid if isinstance(scenario, TreeScenario) else None
    own = kid if kid is not None and head.definition_id == kid.definition.id else scenario
    calm = set(run.plan.budgets) <= HARMLESS and not world.is_disturbed(name) and not run.plan.bounds.hold_up
    steps = all_steps(own.document["steps"])
    apart_ms = max(run.plan.skews_ms) - min(run.plan.skews_ms)
    durations = Durations(name, steps, world.called_at.get(name, {}), calm, apart_ms, is_part(head))
    durations.check(world.records[name].log)

"""What must hold for an execution that branches and for all executions below it, whatever was killed on the way."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib import family, service
from chalicelib.engine.execution import NEVER_MS, Execution, State
from tests.faults.counting import CountingServer
from tests.faults.deployment import Deployment
from tests.faults.errands import TENANT

CHILD_ENDS_SECONDS = 30.0
CANCEL = "CancelRequested"
OUTCOMES = ("StepSucceeded", "StepFailed", "StepTimedOut")


def below(place: Deployment, head: Execution) -> Iterator[tuple[Execution, Execution]]:
    """Yield all children of an ended execution and theirs, each after its parent."""
    page = family.children(place.runtime, TENANT, head.id, 100, 0)
    assert page.cursor is None, "more children than one page"
    for found in page.items:
        (child,) = place.wait_for_ends([found.id], CHILD_ENDS_SECONDS).values()
        yield head, child
        yield from below(place, child)


def problems_of_family(place: Deployment, head: Execution) -> tuple[int, list[str]]:
    """Return how many executions are below one, and what is wrong with any of them."""
    pairs = list(below(place, head))
    wrong = [text for one in (head, *(child for _, child in pairs)) for text in problems(place, one)]
    for parent, child in pairs:
        if stands_at(place, child) > (parent.ended_at_ms or 0):
            wrong.append(f"{child.id} lives after its parent: {child.state} at {child.ended_at_ms}")
        if parent.state is State.SUCCEEDED and child.state not in (State.SUCCEEDED, State.CANCELLED):
            wrong.append(f"{child.id} is {child.state}: {child.error}")
    return len(pairs), wrong


def stands_at(place: Deployment, child: Execution) -> int:
    """Return when a child ended, or when it was told to: what it is told it passes on, and does nothing else."""
    told = [one for one in service.history(place.runtime, TENANT, child.id, 0, 100_000) if one.type == CANCEL]
    return min([one.at_ms for one in told] + [child.ended_at_ms or NEVER_MS])


def problems(place: Deployment, head: Execution) -> list[str]:
    """Return what is wrong with one history."""
    events = service.history(place.runtime, TENANT, head.id, 0, 100_000)
    visits = [event.visit for event in events if event.type in OUTCOMES]
    started = {event.visit for event in events if event.type == "StepStarted"}
    found = []
    if [event.seq for event in events] != list(range(1, head.seq + 1)):
        found.append("its history has a gap or a repeat")
    if len(visits) != len(set(visits)):
        found.append("a visit has two outcomes")
    if head.state is State.SUCCEEDED and set(visits) != started:
        found.append(f"visits without an outcome: {started - set(visits)}")
    if events[-1].type != head.state:
        found.append(f"its last event is {events[-1].type}")
    course = "\n".join(f"  {one.seq} {one.type} {one.step} {one.visit}.{one.attempt}" for one in events)
    return [f"{head.id}: {text}, history:\n{course}" for text in found]


def one_key_each(server: CountingServer, head: Execution) -> bool:
    """Say whether the one calling step of a tour came under one key, however often it was tried."""
    keys = [key for key in server.calls if key.startswith(f"{head.id}/")]
    return len(keys) == 1 if head.output != {"went": "home"} else len(keys) <= 1

"""Real kills: a thousand executions while worker processes get SIGKILL every half to two seconds and are started again.

Every execution ends as the plain reading of its definition says, and every history is without gap or repeat. A third
of them are tours: they go several ways at once, have children and trees of children, and ask people. Whatever is below
them ends, and has ended or been told to when its parent ends. A run prints its seed; SEDO_TEST_SEED repeats it, as far
as real processes can be repeated, and SEDO_TEST_KILLS_EXECUTIONS changes the number.
"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib import service
from chalicelib.engine.execution import Execution
from tests.faults import tours
from tests.faults.counting import CountingServer
from tests.faults.deployment import Deployment, deployed
from tests.faults.errands import DEFINITION, TENANT, Expected, expected_of, some_errands
from tests.faults.family_checks import one_key_each, problems_of_family
from tests.faults.people import People

EXECUTIONS = int(os.environ.get("SEDO_TEST_KILLS_EXECUTIONS", "1000"))
TOURS = EXECUTIONS // 3
WORKERS = 3
PATIENT_WATCHDOGS = {"SEDO_WATCHDOG_SECONDS": "20", "SEDO_API_WATCHDOG_SECONDS": "20"}
"""No message is lost here, so none should be needed; too eager ones would double the work of a slow machine."""
OUTCOMES = ("StepSucceeded", "StepFailed", "StepTimedOut")


def seed() -> int:
    return int(os.environ.get("SEDO_TEST_SEED") or random.SystemRandom().randrange(1_000_000))


def start_all(place: Deployment, server: CountingServer, number: int, chance: random.Random) -> dict[str, Expected]:
    """Start executions from several threads; return what each must come to."""
    asked: list[dict[str, Any]] = [{"url": server.url, "errands": some_errands(chance)} for _ in range(number)]
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda one: place.start("errands", one), asked))
    return {name: expected_of(one["errands"]) for name, one in zip(ids, asked, strict=True)}


def check(place: Deployment, server: CountingServer, heads: dict[str, Execution], wanted: dict[str, Expected]) -> None:
    """Compare ends, courses and outside calls with the reference."""
    with ThreadPoolExecutor(8) as threads:
        wrong = [text for text in threads.map(lambda name: problem(place, heads[name], wanted[name]), wanted) if text]
    assert not wrong, f"{len(wrong)} executions are wrong:\n" + "\n".join(wrong[:5])
    keys = {f"{name}//ask/{visit}" for name, expected in wanted.items() for visit in expected.calls}
    # None left out, and none that no visit stands for.
    assert {key for key in server.calls if key.partition("/")[0] in wanted} == keys


def problem(place: Deployment, head: Execution, expected: Expected) -> str | None:
    """Say what is wrong with one execution and its history."""
    events = service.history(place.runtime, TENANT, head.id, 0, 100_000)
    error = None if head.error is None else head.error["name"]
    found = Expected(head.state.value, head.output, error)
    found.visits = [str(event.step) for event in events if event.type == "StepStarted"]
    found.calls = expected.calls
    numbers = [event.visit for event in events if event.type in OUTCOMES]
    whole = [event.seq for event in events] == list(range(1, head.seq + 1))
    each_once = numbers == list(range(1, len(expected.visits) + 1))
    if found == expected and whole and each_once and events[-1].type == expected.state:
        return None
    course = "\n".join(f"  {event.seq} {event.type} {event.step} {event.visit}.{event.attempt}" for event in events)
    return f"{head.id}: expected {expected}, found {found}, history:\n{course}"


def start_tours(
    place: Deployment, server: CountingServer, people: People, number: int, chance: random.Random
) -> dict[str, Any]:
    """Start tours from several threads; return the input of each."""
    asked = [tours.some_tour(chance, server.url, place_in_line) for place_in_line in range(number)]

    def begin(tour: dict[str, Any]) -> str:
        name = place.start(tours.TOUR, tour)
        if not tour["fails"]:
            people.pay(name)
        return name

    with ThreadPoolExecutor(8) as threads:
        return dict(zip(threads.map(begin, asked), asked, strict=True))


def check_tours(place: Deployment, server: CountingServer, heads: dict[str, Execution], asked: dict[str, Any]) -> int:
    """Compare what tours came to, and look at all that is below them; return how many executions that is."""

    def look(name: str) -> tuple[int, list[str]]:
        head = heads[name]
        count, wrong = problems_of_family(place, head)
        if head.output != tours.expected_output(asked[name]):
            wrong.append(f"{name} is {head.state} {head.error} {head.output}, asked {asked[name]}")
        if not one_key_each(server, head):
            wrong.append(f"{name} called under more keys than one, or none")
        return count, wrong

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(look, asked))
    wrong = [text for _, texts in found for text in texts]
    assert not wrong, f"{len(wrong)} things are wrong:\n" + "\n".join(wrong[:5])
    return sum(count for count, _ in found)


def run_with_kills(url: str, folder: Path, within_seconds: float, visibility_seconds: int) -> None:
    number = seed()
    print(f"\nseed {number}: {EXECUTIONS} executions on {url}")
    begun = time.monotonic()
    chance = random.Random(number)
    with (
        CountingServer() as server,
        deployed(url, folder, visibility_seconds=visibility_seconds, variables=PATIENT_WATCHDOGS) as place,
    ):
        for document in (DEFINITION, tours.LEG, tours.DEFINITION):
            service.post_definition(place.runtime, TENANT, document)
        for _ in range(WORKERS):
            place.workers.start()
        people = People(place, server, random.Random(number + 2))
        with place.ticking(), people.at_work(), place.killing(random.Random(number + 1)) as kills:
            asked = start_tours(place, server, people, TOURS, chance)
            wanted = start_all(place, server, EXECUTIONS - TOURS, chance)
            started = time.monotonic()
            heads = place.wait_for_ends([*wanted, *asked], within_seconds)
            ended = time.monotonic()
            below = check_tours(place, server, heads, asked)  # children that were told to end still do so
        check(place, server, heads, wanted)
        calls, keys = sum(server.calls.values()), len(server.calls)
        print(f"started in {started - begun:.0f} s, ended in {ended - begun:.0f} s, checked in", end=" ")
        print(f"{time.monotonic() - ended:.0f} s; {kills[0]} kills; {calls} calls for {keys} keys", end="; ")
        print(f"{len(asked)} tours with {below} children and {people.answers} answers")
        assert kills[0] >= 5
        assert below > TOURS / 2


@pytest.mark.slow
def test_kills_on_ministack(ministack_url: str, tmp_path: Path) -> None:
    run_with_kills(ministack_url, tmp_path, within_seconds=240, visibility_seconds=6)


@pytest.mark.slow
def test_kills_on_localstack(localstack_url: str, tmp_path: Path) -> None:
    run_with_kills(localstack_url, tmp_path, within_seconds=420, visibility_seconds=12)

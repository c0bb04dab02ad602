"""Faults of the surroundings, on real emulators with real workers: lost queues, poison, slow calls, AWS on bad days."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import service
from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.engine.execution import Execution
from chalicelib.ports import Unavailable
from tests.faults.counting import CountingServer
from tests.faults.deployment import Deployment, deployed
from tests.faults.errands import DEFINITION, TENANT
from tests.faults.proxy import Fate, FaultProxy
from tests.integration.test_kills import check, seed, start_all

OUTCOME_KINDS = ("StepSucceeded", "StepFailed", "StepTimedOut")
ONE_CALL = [{"kind": "call", "number": 3}]


@pytest.fixture(params=["ministack", "localstack"])
def emulator_url(request: pytest.FixtureRequest) -> str:
    """Each test runs on both emulators."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as counting:
        yield counting


@pytest.fixture
def place(emulator_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment with one worker and a tick."""
    with deployed(emulator_url, tmp_path) as made:
        service.post_definition(made.runtime, TENANT, DEFINITION)
        made.workers.start()
        with made.ticking():
            yield made


def test_queues_purged_in_the_middle(place: Deployment, server: CountingServer) -> None:
    """Every message is lost, twice; the index knows whom to look at."""
    wanted = start_all(place, server, 60, random.Random(1))
    for pause in (1.5, 2.5):
        time.sleep(pause)
        place.purge()
    heads = place.wait_for_ends(list(wanted), 120)
    check(place, server, heads, wanted)


def test_poison_messages_end_visibly_and_hold_up_nobody(place: Deployment, server: CountingServer) -> None:
    """What is no message, or for nobody, is logged and gone; the executions beside it go on."""
    bodies = ["not JSON at all", "{}", '["executionId"]', json.dumps({"executionId": "t1:x:y", "token": "1", "n": "n"})]
    for body in bodies:
        place.send_raw(body)
        place.send_raw(body, TIMEOUT)
        place.send_raw(body, DEAD_LETTER)
    wanted = start_all(place, server, 30, random.Random(2))
    check(place, server, place.wait_for_ends(list(wanted), 60), wanted)
    deadline = time.monotonic() + 30
    while any(place.waiting(queue) for queue in (READY, TIMEOUT, DEAD_LETTER)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    said = place.workers.said()
    assert all(body in said for body in bodies[:3])
    assert "t1:x:y" in said


def test_poisonous_head_goes_through_all_its_lives_and_holds_up_nobody(
    emulator_url: str, tmp_path: Path, server: CountingServer
) -> None:
    """A head of a newer version stays untouched and is logged again and again; good work goes on beside it."""
    lives = {"SEDO_LIVES_DELAYS_SECONDS": "1,1,1,1"}
    with deployed(emulator_url, tmp_path, visibility_seconds=1, max_receive_count=2, variables=lives) as place:
        service.post_definition(place.runtime, TENANT, DEFINITION)
        bad = place.start("errands", {"url": server.url, "errands": [{"kind": "wait", "seconds": 2}]})
        make_newer(place, bad)
        place.workers.start()
        with place.ticking():
            wanted = start_all(place, server, 30, random.Random(3))
            check(place, server, place.wait_for_ends(list(wanted), 60), wanted)
            deadline = time.monotonic() + 120
            while "its due entry keeps asking" not in place.workers.said():
                assert time.monotonic() < deadline
                time.sleep(0.5)
        assert not isinstance(place.runtime.store.load([bad])[bad], Execution)


def make_newer(place: Deployment, execution_id: str) -> None:
    """Stamp a head as newer code would."""
    place.clients.dynamodb.update_item(
        TableName=place.settings.resource("execution"),
        Key={"id": {"S": execution_id}},
        UpdateExpression="SET #format = :later",
        ExpressionAttributeNames={"#format": "format"},
        ExpressionAttributeValues={":later": {"N": "99"}},
    )
    assert not isinstance(place.runtime.store.load([execution_id])[execution_id], Execution)


def test_handler_slower_than_the_visibility_timeout(emulator_url: str, tmp_path: Path) -> None:
    """Its message comes again while it still works: more calls, under the same key, and one outcome."""
    definition = json.loads(json.dumps(DEFINITION))
    definition["steps"][4]["timeoutSeconds"] = 20
    # Receives enough that a slow machine does not make dead letters of them: those are another test's.
    with (
        CountingServer(delay_seconds=3) as slow,
        deployed(emulator_url, tmp_path, visibility_seconds=1, max_receive_count=100) as place,
    ):
        service.post_definition(place.runtime, TENANT, definition)
        for _ in range(3):  # six threads for five executions: one at least is free to take what comes again
            place.workers.start()
        with place.ticking():
            ids = [place.start("errands", {"url": slow.url, "errands": ONE_CALL}) for _ in range(5)]
            heads = place.wait_for_ends(ids, 120)
        for name in ids:
            assert heads[name].output == {"total": 6, "refused": []}
            events = service.history(place.runtime, TENANT, name, 0, 1000)
            assert [event.seq for event in events] == list(range(1, heads[name].seq + 1))
            visits = [event.visit for event in events if event.type in OUTCOME_KINDS]
            assert visits == list(range(1, heads[name].visits + 1))
        assert set(slow.calls) == {f"{name}//ask/4" for name in ids}
        assert sum(slow.calls.values()) > len(ids)  # they did come again


def bad_day(chance: random.Random) -> Fate:
    """One request in eight goes wrong."""
    kinds = [Fate.REFUSED, Fate.THROTTLED, Fate.ANSWER_LOST, Fate.CUT, Fate.HALF]
    roll = chance.random()
    if roll < 0.005:
        return Fate.HANGS
    return chance.choice(kinds) if roll < 0.125 else Fate.PASS


def test_aws_on_a_bad_day(emulator_url: str, tmp_path: Path, server: CountingServer) -> None:
    """500s, throttles, lost answers, cut and hanging connections, half-failed batches; then two seconds of nothing."""
    number = seed()
    print(f"\nseed {number}")
    chance = random.Random(number)
    outage_until = [0.0]
    begun = [False]

    def plan(operation: str) -> Fate:
        if not begun[0]:
            return Fate.PASS
        return Fate.REFUSED if time.monotonic() < outage_until[0] else bad_day(chance)

    with FaultProxy(emulator_url, plan) as proxy, deployed(emulator_url, tmp_path, endpoint_url=proxy.url) as place:
        service.post_definition(place.runtime, TENANT, DEFINITION)  # nobody posts it again
        begun[0] = True
        for _ in range(2):
            place.workers.start(proxy.url)
        with place.ticking():
            wanted = start_all(place, server, 100, random.Random(number))
            outage_until[0] = time.monotonic() + 2
            heads = eventually(place, list(wanted))
        proxy.plan = lambda operation: Fate.PASS
        check(place, server, heads, wanted)
        print(dict(proxy.befell))
        assert all(proxy.befell[fate.value] for fate in (Fate.REFUSED, Fate.THROTTLED, Fate.ANSWER_LOST, Fate.CUT))
        assert proxy.operations["SendMessageBatch"]


def eventually(place: Deployment, ids: list[str]) -> dict[str, Execution]:
    """Wait for the ends, past what the proxy does to the asking itself."""
    deadline = time.monotonic() + 240
    while True:
        try:
            return place.wait_for_ends(ids, deadline - time.monotonic())
        except Unavailable:
            assert time.monotonic() < deadline

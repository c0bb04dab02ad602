"""The services of the examples: a key that came before does nothing anew, and what is asked wrongly is refused."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from examples.services.rules import answer
from examples.services.server import Services
from examples.services.world import Request, World

MAIL = {"to": "ada@example.org", "template": "welcome"}


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    return answer(world, Request(method, tuple(path.split("/")), body, key))


def test_a_key_that_came_before_gets_the_answer_of_before_and_nothing_is_done(world: World) -> None:
    first, again = (ask(world, "POST", "mails", MAIL, "k") for _ in range(2))
    assert first == again == (202, MAIL | {"id": "mails-1"})
    assert (len(world.all("mails")), world.repeats["POST /mails"]) == (1, 1)
    assert ask(world, "POST", "mails", MAIL, "other")[1]["id"] == "mails-2"
    assert ask(world, "POST", "mails", MAIL)[1]["id"] == "mails-3"


def test_a_key_with_another_body_is_refused(world: World) -> None:
    ask(world, "POST", "mails", MAIL, "k")
    assert ask(world, "POST", "mails", MAIL | {"to": "bob@example.org"}, "k")[0] == 422


def test_an_answer_that_says_no_is_repeated_too(world: World) -> None:
    charge = {"order": "1", "customer": "poor@example.org", "amount": 5}
    assert [ask(world, "POST", "payments/charges", charge, "k")[0] for _ in range(2)] == [402, 402]
    assert world.effects == {}


def test_stock_runs_out_and_comes_back_by_a_release(world: World) -> None:
    order = {"order": "1", "items": [{"sku": "pen", "quantity": 60}]}
    found = ask(world, "POST", "stock/reservations", order)
    assert [found[0], ask(world, "POST", "stock/reservations", order)[0]] == [201, 409]
    path = f"stock/reservations/{found[1]['id']}"
    assert [ask(world, "DELETE", path)[0], ask(world, "DELETE", path)[0]] == [204, 404]
    assert ask(world, "POST", "stock/reservations", order)[0] == 201


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "sales/graz", [200]),
        ("GET", "sales/slow", [503, 200]),
        ("GET", "sales/closed", [503, 503]),
        ("GET", "feeds/flaky-1", [503, 200]),
        ("GET", "feeds/gone", [404]),
        ("GET", "exports/exports-1", [404]),
        ("GET", "usage/unknown", [404]),
        ("POST", "payments/charges/charges-1/refunds", [404]),
        ("PUT", "mails", [404]),
    ],
)
def test_fates(world: World, method: str, path: str, statuses: list[int]) -> None:
    assert [ask(world, method, path)[0] for _ in statuses] == statuses


@pytest.fixture
def services() -> Iterator[Services]:
    with Services() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def send(url: str, body: bytes | None = None, key: str = "k") -> tuple[int, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", "Idempotency-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=10) as found:
            return found.status, json.load(found)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_over_http(services: Services) -> None:
    first = send(f"{services.url}/mails", json.dumps(MAIL).encode())
    assert first == send(f"{services.url}/mails", json.dumps(MAIL).encode()) == (202, MAIL | {"id": "mails-1"})
    assert send(f"{services.url}/mails?since=today") == (200, [MAIL | {"id": "mails-1"}])
    assert send(f"{services.url}/effects") == (200, {"effects": {"POST /mails": 1}, "repeats": {"POST /mails": 1}})


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"{}"])
def test_a_body_that_is_not_expected_is_refused_and_the_program_goes_on(services: Services, body: bytes) -> None:
    assert send(f"{services.url}/mails", body)[0] == 400
    assert send(f"{services.url}/mails") == (200, [])

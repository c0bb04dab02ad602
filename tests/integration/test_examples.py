"""All examples run to their ends on the parts of the sandbox, against their services, with people who answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.services.server import Services
from examples.services.world import World
from tests.integration.served import Api, serving, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
DEFINITIONS = [path for path in sorted(EXAMPLES.glob("*/*.yaml")) if not path.stem.endswith(".test")]
PEN, SAFE = {"sku": "pen", "quantity": 2}, {"sku": "safe", "quantity": 1}
ORDER = {"customer": "ada@example.org", "address": "Graz", "amount": 20, "items": [PEN]}
LARGE = ORDER | {"amount": 1200, "items": [SAFE]}
TRIP = {"flight": "VIE-LIS", "hotel": "central"}


@dataclass(frozen=True)
class Place:
    """A tenant with all examples posted, and services of the test's own."""

    api: Api
    services: Services

    @property
    def world(self) -> World:
        return self.services.world

    def begin(self, name: str, given: dict[str, Any]) -> str:
        body = {"input": given | {"services": self.services.url}}
        found = self.api.post(f"definitions/{name}/execute", body)
        assert found.status == 202, found.text
        return str(found.json["id"])

    def run(self, name: str, given: dict[str, Any]) -> Any:
        return self.api.wait_for_end(self.begin(name, given), 60)

    def answer(self, role: str, answer: Any) -> None:
        """Wait for the one task of a role, claim it and answer it."""
        (task,) = wait_until(lambda: self.api.get(f"tasks?role={role}").json, lambda found: len(found) == 1, 30)
        me = {"X-Sedo-Actor": "jo"}
        assert self.api.post(f"tasks/{task['token']}/claim", **me).status == 204
        assert self.api.post(f"tasks/{task['token']}/complete", answer, **me).status == 204

    def mails(self) -> list[tuple[str, str]]:
        return [(mail["to"], mail["template"]) for mail in self.world.all("mails")]


@pytest.fixture(scope="module")
def api(ministack_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(ministack_url, tmp_path_factory.mktemp("examples")) as api:
        for path in DEFINITIONS:
            found = api.post("definitions", path.read_text(encoding="utf-8"), "application/yaml")
            assert found.status == 201, found.text
        yield api


@pytest.fixture
def place(api: Api) -> Iterator[Place]:
    with Services() as services:
        threading.Thread(target=services.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Place(api, services)
        services.shutdown()


def test_order_is_shipped_and_a_large_one_after_its_approval(place: Place) -> None:
    large = place.begin("order-fulfilment", LARGE | {"orderId": "A-2"})
    small = place.run("order-fulfilment", ORDER | {"orderId": "A-1"})
    assert small["output"] == {"order": "A-1", "tracking": "T-parcels-1"}
    place.answer("sales-lead", {"approved": True})
    assert place.api.wait_for_end(large)["output"] == {"order": "A-2", "tracking": "T-parcels-2"}
    assert [charge["amount"] for charge in place.world.all("charges")] == [20, 1200]


def test_order_that_is_refused_or_cannot_be_paid_or_shipped_leaves_nothing(place: Place) -> None:
    begun = [
        place.begin("order-fulfilment", LARGE | {"orderId": "A-3"}),
        place.begin("order-fulfilment", ORDER | {"orderId": "A-4", "customer": "poor@example.org"}),
        place.begin("order-fulfilment", ORDER | {"orderId": "A-5", "address": "nowhere"}),
        place.begin("order-fulfilment", ORDER | {"orderId": "A-6", "items": [{"sku": "unicorn", "quantity": 1}]}),
    ]
    place.answer("sales-lead", {"approved": False, "why": "odd"})
    errors = [place.api.wait_for_end(found)["error"] for found in begun]
    assert [error["name"] for error in errors] == ["Order.NotFulfilled"] * 3 + ["Order.OutOfStock"]
    assert errors[0]["cause"] == "order A-3: not approved: odd"
    assert place.world.all("reservations") == []
    assert [refund["amount"] for refund in place.world.all("refunds")] == [20]
    assert len(place.world.all("charges")) == 1
    assert sorted(template for _, template in place.mails()) == ["order-cancelled"] * 3


def test_report_names_the_shop_that_is_missing(place: Place) -> None:
    found = place.run("nightly-report", {"shops": ["graz", "slow", "closed"], "reader": "r@shop.example"})
    assert found["output"] == {"report": "reports-1", "shops": 2, "missing": ["closed"]}
    (report,) = place.world.all("reports")
    assert (report["sales"]["orders"], report["sales"]["total"]) == (8, 80)
    assert place.mails() == [("r@shop.example", "report")]


def test_report_is_scheduled_for_five_in_the_morning(place: Place) -> None:
    (entry,) = place.api.get("definitions/nightly-report/schedule").json
    assert (entry["timezone"], entry["nextAt"][13:]) == ("Europe/Vienna", ":00:00.000Z")


def test_onboarding_reminds_until_somebody_begins_or_is_called(place: Place) -> None:
    late = place.begin("onboarding", {"email": "late@example.org", "name": "Late", "remindEverySeconds": 0.5})
    never = place.begin("onboarding", {"email": "bob@example.org", "name": "Bob", "remindEverySeconds": 0.5})
    ended = place.api.wait_for_end(late)["output"]
    assert (ended["outcome"], ended["reminders"]) == ("active", 1)
    place.answer("customer-success", {"outcome": "lost"})
    ended = place.api.wait_for_end(never)["output"]
    assert (ended["outcome"], ended["reminders"]) == ("lost", 3)
    assert [template for to, template in place.mails() if to == "bob@example.org"] == ["welcome", *["reminder"] * 3]
    again = place.run("onboarding", {"email": "bob@example.org", "name": "Bob"})
    assert again["error"]["name"] == "Onboarding.KnownAlready"


def test_trip_that_cannot_be_booked_whole_is_not_booked_at_all(place: Place) -> None:
    whole = place.run("trip-booking", TRIP | {"tripId": "t-1", "car": "small"})
    assert [booking["kind"] for booking in whole["output"]["booked"]] == ["flights", "hotels", "cars"]
    broken = place.run("trip-booking", TRIP | {"tripId": "t-2", "car": "sold-out"})
    assert (broken["error"]["name"], broken["error"]["cause"][:8]) == ("Trip.NotBooked", "book-car")
    left = {kind: [one["trip"] for one in place.world.all(kind)] for kind in ("flights", "hotels", "cars")}
    assert left == {"flights": ["t-1"], "hotels": ["t-1"], "cars": ["t-1"]}
    assert list(place.world.effects)[-2:] == ["DELETE /hotels/bookings/hotels-2", "DELETE /flights/bookings/flights-2"]


def test_two_review_and_a_third_decides_where_they_differ(place: Place) -> None:
    alike = place.begin("review-queue", {"text": "Water is wet.", "author": "ada@example.org"})
    place.answer("proofreader", {"good": True})
    place.answer("editor", {"good": True, "note": "so it is"})
    assert place.api.wait_for_end(alike)["output"] == {"published": "texts-1", "notes": ["so it is"]}
    apart = place.begin("review-queue", {"text": "Water is dry.", "author": "bob@example.org"})
    place.answer("editor", {"good": False, "note": "no"})
    place.answer("proofreader", {"good": True})
    place.answer("chief-editor", {"good": False})
    assert place.api.wait_for_end(apart)["output"] == {"published": None, "notes": ["no"]}
    assert place.mails() == [("ada@example.org", "published"), ("bob@example.org", "refused")]


def test_polling_ends_with_the_job(place: Place) -> None:
    pauses = {"firstPauseSeconds": 0.2, "longestPauseSeconds": 0.5}
    done = place.run("poll-until-done", pauses | {"dataset": "orders"})
    assert done["output"] == {"dataset": "orders", "url": "https://exports.example/exports-1.csv"}
    assert done["stash"]["pause"] == 0.5
    assert place.world.asked["GET /exports/exports-1"] == 3
    assert place.run("poll-until-done", pauses | {"dataset": "broken"})["error"]["name"] == "Export.Failed"


def test_digest_of_sixty_feeds_lives_with_some_that_fail(place: Place) -> None:
    feeds = [f"gone-{i}" if i % 10 == 0 else f"flaky-{i}" if i % 10 == 5 else f"feed-{i}" for i in range(60)]
    found = place.run("feed-digest", {"feeds": feeds})
    output = found["output"]
    assert (output["feeds"], output["failed"], len(output["titles"])) == (54, 6, 108)
    assert output["titles"] == sorted(output["titles"])
    failed = place.run("feed-digest", {"feeds": ["alpha", "gone-1", "gone-2"]})
    assert failed["error"]["name"] == "Digest.TooManyFailed"


def test_month_end_bills_all_whom_it_can(place: Place) -> None:
    customers = ["ada", "idle", "unknown", "large"]
    begun = place.begin("month-end", {"month": "2026-10", "customers": customers})
    place.answer("accounting", {"right": True})
    output = place.api.wait_for_end(begun)["output"]
    assert (output["billed"], output["total"], output["nothingUsed"]) == (2, 20301, ["idle"])
    assert output["problems"] == [{"customer": "unknown", "problem": "Customer.Unknown: nobody knows unknown"}]
    assert sorted(invoice["customer"] for invoice in place.world.all("invoices")) == ["ada", "large"]
    children = place.api.pages(f"executions/{begun}/children")
    assert len(children) == 4


def test_nothing_is_done_twice(place: Place) -> None:
    for number in range(5):
        place.run("order-fulfilment", ORDER | {"orderId": f"B-{number}"})
    counts = {name: len(place.world.all(name)) for name in ("reservations", "charges", "parcels", "mails")}
    assert counts == {"reservations": 5, "charges": 5, "parcels": 5, "mails": 5}

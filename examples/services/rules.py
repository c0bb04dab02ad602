"""What each service answers. Some names have a fate of their own, so that the examples can be seen to fail well.

stock       sku `unicorn` is never there; of all others there are 100
payments    customer `poor@…` is refused
shipping    address `nowhere` is not served
sales       shop `closed` never answers, `slow` fails once and then answers
feeds       feed `gone-…` is not there, `flaky-…` fails once and then answers
exports     dataset `broken` fails; others are done when asked for the third time
bookings    offer `sold-out` cannot be had
usage       customer `unknown` is not there, `idle` used nothing, `large` used much
accounts    active after POST /accounts/ID/activate, or after the first reminder when the address begins with `late`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from examples.services.world import Answer, Request, World

Rule = Callable[[World, Request], Answer]
PIECES_OF_EACH = 100
NOT_THERE: Answer = (404, {"error": "there is no such thing"})


def answer(world: World, request: Request) -> Answer:
    """Answer a request by the rule of its method and path."""
    if request.parts == ("effects",):
        return 200, {"effects": dict(world.effects), "repeats": dict(world.repeats)}
    for (method, pattern), rule in RULES.items():
        if method == request.method and _fits(pattern.split("/"), request.parts):
            return world.once(request, lambda rule=rule: rule(world, request))  # type: ignore[misc]
    return NOT_THERE


def _fits(pattern: list[str], parts: tuple[str, ...]) -> bool:
    return len(pattern) == len(parts) and all(want in ("*", part) for want, part in zip(pattern, parts, strict=True))


def _create(world: World, request: Request) -> Answer:
    return 201, world.add(request.parts[-1], request.body)


def _list(world: World, request: Request) -> Answer:
    return 200, world.all(request.parts[-1])


def _reserve(world: World, request: Request) -> Answer:
    for item in request.body["items"]:
        taken = sum(
            other["quantity"]
            for reserved in world.all("reservations")
            for other in reserved["items"]
            if other["sku"] == item["sku"]
        )
        if item["sku"] == "unicorn" or taken + item["quantity"] > PIECES_OF_EACH:
            return 409, {"error": f"not enough of {item['sku']}"}
    return _create(world, request)


def _release(world: World, request: Request) -> Answer:
    return (204, None) if world.remove("reservations", request.parts[-1]) else NOT_THERE


def _charge(world: World, request: Request) -> Answer:
    if request.body["customer"].startswith("poor@"):
        return 402, {"error": "the card is refused"}
    return _create(world, request)


def _refund(world: World, request: Request) -> Answer:
    charge = world.find("charges", request.parts[2])
    if charge is None:
        return NOT_THERE
    return 201, world.add("refunds", {"charge": charge["id"], "amount": request.body["amount"]})


def _ship(world: World, request: Request) -> Answer:
    if request.body["address"] == "nowhere":
        return 422, {"error": "this address is not served"}
    parcel = world.add("parcels", request.body)
    return 201, parcel | {"tracking": f"T-{parcel['id']}"}


def _mail(world: World, request: Request) -> Answer:
    mail = request.body
    to, template = mail["to"], mail["template"]
    for account in world.all("accounts"):
        if template == "reminder" and account["email"] == to and to.startswith("late"):
            account["active"] = True
    return 202, world.add("mails", mail)


def _fails_once(world: World, request: Request) -> bool:
    world.asked[request.name] += 1
    return world.asked[request.name] == 1


def _sales(world: World, request: Request) -> Answer:
    shop = request.parts[-1]
    if shop == "closed" or (shop == "slow" and _fails_once(world, request)):
        return 503, {"error": f"{shop} does not answer"}
    return 200, {"shop": shop, "orders": len(shop), "total": 10 * len(shop)}


def _feed(world: World, request: Request) -> Answer:
    name = request.parts[-1]
    if name.startswith("gone"):
        return NOT_THERE
    if name.startswith("flaky") and _fails_once(world, request):
        return 503, {"error": "later"}
    return 200, {"titles": [f"{name}: first", f"{name}: second"]}


def _export(world: World, request: Request) -> Answer:
    job = world.find("exports", request.parts[-1])
    if job is None:
        return NOT_THERE
    if job["dataset"] == "broken":
        return 200, {"status": "failed", "reason": "the data are broken"}
    world.asked[request.name] += 1
    if world.asked[request.name] < 3:
        return 200, {"status": "running"}
    return 200, {"status": "done", "url": f"https://exports.example/{job['id']}.csv"}


def _book(world: World, request: Request) -> Answer:
    if request.body["offer"] == "sold-out":
        return 409, {"error": f"no {request.parts[0]} left"}
    booking = world.add(request.parts[0], request.body)
    return 201, booking | {"ref": booking["id"]}


def _cancel(world: World, request: Request) -> Answer:
    return (204, None) if world.remove(request.parts[0], request.parts[-1]) else NOT_THERE


def _sign_up(world: World, request: Request) -> Answer:
    if any(account["email"] == request.body["email"] for account in world.all("accounts")):
        return 409, {"error": "there is such an account"}
    return 201, world.add("accounts", request.body | {"active": False})


def _account(world: World, request: Request) -> Answer:
    account = world.find("accounts", request.parts[1])
    return NOT_THERE if account is None else (200, account)


def _activate(world: World, request: Request) -> Answer:
    account = world.find("accounts", request.parts[1])
    if account is None:
        return NOT_THERE
    account["active"] = True
    return 200, account


def _usage(_: World, request: Request) -> Answer:
    customer = request.parts[-1]
    if customer == "unknown":
        return NOT_THERE
    lines: list[dict[str, Any]] = [{"what": "hours", "price": 120}, {"what": "storage", "price": 30.5}]
    if customer == "large":
        lines.append({"what": "a migration", "price": 20000})
    return 200, {"lines": [] if customer == "idle" else lines}


RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "stock/reservations"): _reserve,
    ("DELETE", "stock/reservations/*"): _release,
    ("POST", "payments/charges"): _charge,
    ("POST", "payments/charges/*/refunds"): _refund,
    ("POST", "payments/payouts"): _create,
    ("POST", "shipping/parcels"): _ship,
    ("POST", "mails"): _mail,
    ("GET", "sales/*"): _sales,
    ("GET", "feeds/*"): _feed,
    ("POST", "exports"): _create,
    ("GET", "exports/*"): _export,
    ("POST", "*/bookings"): _book,
    ("DELETE", "*/bookings/*"): _cancel,
    ("POST", "accounts"): _sign_up,
    ("GET", "accounts/*"): _account,
    ("POST", "accounts/*/activate"): _activate,
    ("GET", "usage/*"): _usage,
    ("POST", "reports"): _create,
    ("POST", "invoices"): _create,
    ("POST", "texts"): _create,
    ("GET", "*"): _list,
    ("GET", "*/*"): _list,
}
"""The first that fits counts. A GET of a collection lists it."""

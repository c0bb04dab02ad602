"""Following: events arrive while it runs, over pages, and a service that is away for a moment ends nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sedo.cli.errors import Unreachable
from sedo.cli.options import Options
from sedo.cli.watch import PATIENCE_SECONDS, looks
from tests.unit.cli.serving import Asked, Said, serving


class Running:
    """An execution that goes on by one event whenever somebody sleeps; `away` of the next requests fail."""

    def __init__(self, length: int, page: int = 500) -> None:
        self.length = length
        self.page = page
        self.events = 1
        self.away = 0
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self, asked: Asked) -> Said:
        if self.away > 0:
            self.away -= 1
            return Said(503, {"title": "away", "detail": "for a moment"})
        url = urlsplit(asked.path)
        if not url.path.endswith("/history"):
            state = "ExecutionSucceeded" if self.events >= self.length else "StepStarted"
            return Said(200, {"id": "e", "state": state})
        after = int(parse_qs(url.query).get("cursor", ["0"])[0])
        last = min(after + self.page, self.events)
        link = {"Link": f'<?limit=500&cursor={last}>; rel="next"'} if last < self.events else {}
        return Said(200, [{"seq": seq} for seq in range(after + 1, last + 1)], link)

    def options(self, url: str) -> Options:
        return Options(url, "123", sleep=self.sleep, now=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.events = min(self.events + 1, self.length)


def seen(options: Options) -> list[Any]:
    return [event["seq"] for _, events in looks(options, "e") for event in events]


@pytest.mark.parametrize("page", [1, 2, 500])
def test_every_event_is_shown_once_and_in_order(page: int) -> None:
    running = Running(length=7, page=page)
    with serving(running) as url:
        assert seen(running.options(url)) == [1, 2, 3, 4, 5, 6, 7]


def test_the_longer_nothing_happens_the_rarer_it_asks() -> None:
    running = Running(length=1)
    running.events, running.length = 1, 2

    def sleep(seconds: float) -> None:
        running.slept.append(seconds)
        running.events += len(running.slept) == 8

    with serving(running) as url:
        assert seen(Options(url, "123", sleep=sleep, now=lambda: 0.0)) == [1, 2]
    assert running.slept == sorted(running.slept)
    assert running.slept[-1] == 3.0


def test_a_moment_without_the_service_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    running = Running(length=3)
    with serving(running) as url:
        found = looks(running.options(url), "e")
        next(found)
        running.away = 4
        assert [event["seq"] for _, events in found for event in events] == [2, 3]
    assert capsys.readouterr().err == "away: for a moment; trying again\n"


def test_but_it_is_not_waited_for_for_ever() -> None:
    running = Running(length=3)
    with serving(running) as url:
        found = looks(running.options(url), "e")
        next(found)
        running.away = 1_000_000
        with pytest.raises(Unreachable):
            list(found)
    assert PATIENCE_SECONDS <= running.now - 1000.0 <= PATIENCE_SECONDS + 10


def test_a_service_that_was_never_there_is_said_at_once() -> None:
    running = Running(length=3)
    running.away = 1
    with serving(running) as url, pytest.raises(Unreachable):
        list(looks(running.options(url), "e"))
    assert running.slept == []

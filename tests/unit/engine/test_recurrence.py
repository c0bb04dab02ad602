"""When something recurs: ticks by rate and by cron, in zones that leave hours out and have hours twice.

- `after` is always later, and walking by it meets every tick once, wherever the walk begins
- `latest` is the last tick of that walk, however long ago it began
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.engine.recurrence import Cron, Every, cron_flaw, zone, zone_names

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def ticks(cron: str, timezone: str, start: str, end: str) -> list[str]:
    """All ticks in a time, as UTC."""
    found, moment = [], ms(start)
    recurrence = Cron(cron, timezone)
    while (moment := recurrence.after(moment) or ms("9000-01-01T00:00Z")) < ms(end):
        found.append(f"{datetime.fromtimestamp(moment / 1000, tz=UTC):%m-%dT%H:%M}")
    return found


def test_working_days_in_vienna_follow_the_summer() -> None:
    assert ticks("0 6 * * 1-5", "Europe/Vienna", "2026-03-26T12:00Z", "2026-04-01T00:00Z") == [
        "03-27T05:00",
        "03-30T04:00",
        "03-31T04:00",
    ]


def test_a_fixed_time_in_the_hour_left_out_comes_right_after_it() -> None:
    """In Vienna there is no 02:30 on 29 March 2026; 03:00 there is 01:00 UTC."""
    assert ticks("30 2 * * *", "Europe/Vienna", "2026-03-28T00:00Z", "2026-03-31T00:00Z") == [
        "03-28T01:30",
        "03-29T01:00",
        "03-30T00:30",
    ]


def test_two_fixed_times_that_fall_on_one_moment_are_one_tick() -> None:
    assert ticks("0,30 2,3 * * *", "Europe/Vienna", "2026-03-29T00:00Z", "2026-03-29T12:00Z") == [
        "03-29T01:00",
        "03-29T01:30",
    ]


def test_a_fixed_time_in_the_hour_that_comes_twice_comes_the_first_time() -> None:
    """On 25 October 2026 Vienna has 02:30 at 00:30 and at 01:30 UTC."""
    assert ticks("30 2 * * *", "Europe/Vienna", "2026-10-24T12:00Z", "2026-10-26T12:00Z") == [
        "10-25T00:30",
        "10-26T01:30",
    ]
    for minute in range(60):  # also when the question is asked between the two
        assert Cron("45 2 * * *", "Europe/Vienna").after(ms(f"2026-10-25T01:{minute:02}Z")) == ms("2026-10-26T01:45Z")


def test_a_star_follows_the_hours_that_pass() -> None:
    assert ticks("*/30 2 * * *", "Europe/Vienna", "2026-10-24T12:00Z", "2026-10-25T12:00Z") == [
        "10-25T00:00",
        "10-25T00:30",
        "10-25T01:00",
        "10-25T01:30",
    ]
    assert ticks("*/30 2 * * *", "Europe/Vienna", "2026-03-29T00:00Z", "2026-03-29T12:00Z") == []
    hourly = ticks("0 * * * *", "America/New_York", "2026-11-01T00:30Z", "2026-11-01T12:30Z")
    assert hourly == [f"11-01T{hour:02}:00" for hour in range(1, 13)]


def test_rates_count_from_1970_so_that_nothing_moves_them() -> None:
    assert Every(900).after(ms("2026-11-02T09:07:12.345Z")) == ms("2026-11-02T09:15Z")
    assert Every(900).after(ms("2026-11-02T09:15Z")) == ms("2026-11-02T09:30Z")
    assert Every(900).latest(ms("2026-11-02T09:15Z"), ms("2026-11-02T12:44:59Z")) == ms("2026-11-02T12:30Z")
    assert Every(86_400).after(ms("2026-11-02T09:07Z")) == ms("2026-11-03T00:00Z")


CRONS = [
    "* * * * *",
    "*/7 * * * *",
    "0 6 * * 1-5",
    "30 2 * * *",
    "15,45 1,2,3 * * *",
    "0 0 L * *",
    "0 12 * * mon#1",
    "0 0 29 2 *",
    "5 4 1 */3 *",
    "0 0 13 * 5",
]
ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), st.integers(0, 2_000_000_000_000), st.integers(0, 3 * DAY_MS))
def test_after_is_later_and_does_not_depend_on_where_the_walk_begins(
    cron: str, timezone: str, start: int, ahead: int
) -> None:
    recurrence = Cron(cron, timezone)
    first = recurrence.after(start)
    assert first is not None
    assert first > start
    assert first % 1000 == 0
    walked = [first]
    while walked[-1] <= start + ahead:
        following = recurrence.after(walked[-1])
        assert following is not None
        assert following > walked[-1]
        walked.append(following)
        if len(walked) > 300:
            break
    for one, two in pairwise(walked):
        assert recurrence.after((one + two) // 2) == two
        assert recurrence.after(two - 1) == two


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), st.integers(1_600_000_000_000, 1_900_000_000_000), st.data())
def test_latest_is_the_last_tick_of_the_walk(cron: str, timezone: str, start: int, data: st.DataObject) -> None:
    recurrence = Cron(cron, timezone)
    first = recurrence.after(start)
    assert first is not None
    now = first + data.draw(st.integers(0, 20 * 366 * DAY_MS) | st.integers(0, 2 * DAY_MS))
    latest = recurrence.latest(first, now)
    assert first <= latest <= now
    following = recurrence.after(latest)
    assert following is None or following > now
    assert recurrence.after(latest - 1) == latest


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0159*/,-#LW? monJAN\n²"), max_size=20) | st.text(max_size=12))
def test_any_text_is_a_cron_expression_or_has_a_flaw(text: str) -> None:
    flaw = cron_flaw(text)
    if flaw is None:
        assert Cron(text, "Europe/Vienna").after(0) is not None


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("0 6 * *", "expected 5 fields (minute hour day-of-month month day-of-week), found 4"),
        ("* 0 6 * * *", "expected 5 fields (minute hour day-of-month month day-of-week), found 6"),
        ("60 6 * * *", "bad minute"),
        ("0 6 31 feb *", "bad day-of-month"),
        ("@daily", "expected 5 fields (minute hour day-of-month month day-of-week), found 1"),
    ],
)
def test_flaws_name_the_field(text: str, flaw: str) -> None:
    assert cron_flaw(text) == flaw


def test_the_end_of_the_calendar_ends_a_schedule() -> None:
    assert Cron("0 0 1 1 *", "Asia/Tokyo").after(ms("9999-06-01T00:00+00:00")) is None


def test_every_zone_can_be_read() -> None:
    assert {"UTC", "Europe/Vienna", "Asia/Kolkata"} <= zone_names()
    for name in zone_names():
        assert datetime.fromtimestamp(1_700_000_000, tz=zone(name)).utcoffset() is not None

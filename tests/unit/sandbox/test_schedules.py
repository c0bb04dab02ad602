"""When schedules are due: rate and cron as EventBridge documents them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.schedules import ScheduleError, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "now", "due"),
    [
        ("rate(1 minute)", "2026-01-01T10:00:00", "2026-01-01T10:01:00"),
        ("rate(1 minute)", "2026-01-01T10:00:59.9", "2026-01-01T10:01:00"),
        ("rate(5 minutes)", "2026-01-01T10:03:00", "2026-01-01T10:05:00"),
        ("rate(2 hours)", "2026-01-01T10:03:00", "2026-01-01T12:00:00"),
        ("rate(1 day)", "2026-01-01T10:03:00", "2026-01-02T00:00:00"),
        ("cron(0 10 * * ? *)", "2026-01-01T10:00:00", "2026-01-02T10:00:00"),
        ("cron(15 12 * * ? *)", "2026-01-01T10:00:00", "2026-01-01T12:15:00"),
        ("cron(0/10 * ? * MON-FRI *)", "2026-01-02T23:50:00", "2026-01-05T00:00:00"),
        ("cron(5/20 8 ? * * *)", "2026-01-02T08:06:00", "2026-01-02T08:25:00"),
        ("cron(0 18 ? * MON,wed *)", "2026-01-05T18:00:00", "2026-01-07T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-01-15T00:00:00", "2026-02-01T08:00:00"),
        ("cron(0 0 L * ? *)", "2024-02-01T00:00:00", "2024-02-29T00:00:00"),
        ("cron(0 0 31 * ? *)", "2026-01-31T00:00:00", "2026-03-31T00:00:00"),
        ("cron(0 0 15W 8 ? *)", "2026-01-01T00:00:00", "2026-08-14T00:00:00"),
        ("cron(0 0 1W 8 ? *)", "2026-01-01T00:00:00", "2026-08-03T00:00:00"),
        ("cron(0 0 LW 1 ? *)", "2026-01-01T00:00:00", "2026-01-30T00:00:00"),
        ("cron(0 0 ? * 6#3 *)", "2026-01-01T00:00:00", "2026-01-16T00:00:00"),
        ("cron(0 0 ? * 2#5 *)", "2026-01-01T00:00:00", "2026-03-30T00:00:00"),
        ("cron(0 0 ? * 6L *)", "2026-01-01T00:00:00", "2026-01-30T00:00:00"),
        ("cron(0 0 ? JAN SUN 2027)", "2026-01-01T00:00:00", "2027-01-03T00:00:00"),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
    ],
)
def test_next_moment(expression: str, now: str, due: str) -> None:
    assert parse(expression).next_after(at(now)) == at(due)


def test_a_schedule_may_be_over() -> None:
    assert parse("cron(0 0 1 1 ? 2020)").next_after(at("2026-01-01T00:00:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "every minute",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(5 seconds)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 10 32 * ? *)",
        "cron(0 10 ? * FOO *)",
        "cron(0 10 ? * 6#6 *)",
        "cron(0/0 10 * * ? *)",
    ],
)
def test_what_aws_refuses(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression)

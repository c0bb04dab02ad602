"""When a schedule is due next: EventBridge's `rate(…)` and `cron(…)` expressions. Pure; all times are UTC."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

LAST_YEAR = 2199
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class ScheduleError(ValueError):
    """The expression is not one that EventBridge takes."""


class Schedule(Protocol):
    """Anything that knows its next moment."""

    def next_after(self, now: datetime) -> datetime | None:
        """The first moment later than `now`, or None if there is none."""


@dataclass(frozen=True)
class Rate:
    """Every so many seconds, counted from the epoch, so that a restart does not put the next one off."""

    seconds: int

    def next_after(self, now: datetime) -> datetime:
        """Always there."""
        passed = int(now.timestamp()) // self.seconds
        return datetime.fromtimestamp((passed + 1) * self.seconds, UTC)


@dataclass(frozen=True)
class Cron:
    """Six fields. The day fields stay text, since what they mean depends on the month."""

    minutes: frozenset[int]
    hours: frozenset[int]
    day_of_month: str
    months: frozenset[int]
    day_of_week: str
    years: frozenset[int]

    def next_after(self, now: datetime) -> datetime | None:
        """Goes from day to day over the months that fit."""
        start = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for year in sorted(year for year in self.years if year >= start.year):
            for month in sorted(self.months):
                for day in self._days(year, month):
                    found = self._in_day(day, start)
                    if found:
                        return found
        return None

    def _in_day(self, day: date, start: datetime) -> datetime | None:
        if day < start.date():
            return None
        moments = (datetime.combine(day, time(hour, minute), UTC) for hour in self.hours for minute in self.minutes)
        return min((moment for moment in moments if moment >= start), default=None)

    def _days(self, year: int, month: int) -> list[date]:
        if self.day_of_week == "?":
            return days_of_month(self.day_of_month, year, month)
        return days_of_week(self.day_of_week, year, month)


def parse(expression: str) -> Schedule:
    """Raises ScheduleError with a sentence."""
    found = re.fullmatch(r"(rate|cron)\((.*)\)", expression.strip())
    if not found:
        raise ScheduleError(f"expected rate(…) or cron(…), found '{expression}'")
    return parse_rate(found[2]) if found[1] == "rate" else parse_cron(found[2])


def parse_rate(text: str) -> Rate:
    """`1 minute`, `5 minutes`, …"""
    found = re.fullmatch(r"\s*([1-9]\d*)\s+(minute|hour|day)(s?)\s*", text)
    if not found:
        raise ScheduleError(f"expected a rate like '5 minutes', found '{text}'")
    number, unit, plural = int(found[1]), found[2], found[3]
    if (number == 1) == bool(plural):
        raise ScheduleError(f"AWS takes 'rate(1 {unit})' and 'rate(2 {unit}s)', found 'rate({text})'")
    return Rate(number * UNIT_SECONDS[unit])


def parse_cron(text: str) -> Cron:
    """Minutes, hours, day of month, month, day of week, year; one of the day fields must be `?`."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise ScheduleError(f"a cron has six fields, found {len(fields)} in '{text}'")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ScheduleError(f"exactly one of day-of-month and day-of-week must be '?', found '{text}'")
    cron = Cron(
        values(minutes, 0, 59),
        values(hours, 0, 23),
        day_of_month,
        values(month, 1, 12, MONTHS),
        day_of_week,
        values(year, 1970, LAST_YEAR),
    )
    # Reading the day fields once shows their mistakes now and not at their first use.
    cron._days(2024, 1)
    return cron


def values(text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    """A field of numbers: `*`, lists, ranges, steps, and names for some."""
    found: set[int] = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        first, dash, last = body.partition("-")
        begin = low if body == "*" else number(first, low, high, names or {})
        # `5/10` means from 5 on; without a step a lone number is just that.
        open_ended = body == "*" or (step and not dash)
        end = high if open_ended else number(last if dash else first, low, high, names or {})
        found.update(range(begin, end + 1, number(step, 1, high, {}) if step else 1))
    return frozenset(found)


def number(text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    """A number or a name within bounds."""
    value = names.get(text, int(text) if text.isdecimal() else -1)
    if not low <= value <= high:
        raise ScheduleError(f"expected {low} to {high}, found '{text}'")
    return value


def days_of_month(text: str, year: int, month: int) -> list[date]:
    """`L` is the last day, `15W` the weekday nearest to the 15th within the month, `LW` the last weekday."""
    last = calendar.monthrange(year, month)[1]
    if text == "L":
        return [date(year, month, last)]
    near = re.fullmatch(r"(\d+|L)W", text)
    if near:
        wanted = last if near[1] == "L" else number(near[1], 1, 31, {})
        return [nearest_weekday(date(year, month, wanted))] if wanted <= last else []
    return [date(year, month, day) for day in sorted(values(text, 1, 31)) if day <= last]


def nearest_weekday(day: date) -> date:
    """Saturday goes back, Sunday forward, unless that would leave the month."""
    shift = {5: -1, 6: 1}.get(day.weekday(), 0)
    moved = day + timedelta(days=shift)
    return moved if moved.month == day.month else day - timedelta(days=2 * shift)


def days_of_week(text: str, year: int, month: int) -> list[date]:
    """1 is Sunday; `6L` or `FRIL` the last Friday of the month, `6#3` the third, `L` every Saturday."""
    last = calendar.monthrange(year, month)[1]
    every = [date(year, month, day) for day in range(1, last + 1)]

    def on(weekday: str) -> list[date]:
        wanted = number(weekday, 1, 7, WEEKDAYS)
        return [day for day in every if day.isoweekday() % 7 + 1 == wanted]

    if text == "L":
        return on("7")
    if text.endswith("L"):
        return on(text[:-1])[-1:]
    if "#" in text:
        weekday, _, nth = text.partition("#")
        place = number(nth, 1, 5, {})
        return on(weekday)[place - 1 : place]
    wanted = values(text, 1, 7, WEEKDAYS)
    return [day for day in every if day.isoweekday() % 7 + 1 in wanted]

"""When something recurs: pure functions from a moment to the next one, by a rate or by cron in a time zone.

All times are milliseconds since the epoch; ticks are whole seconds. The zones come from the pinned `tzdata` and never
from the machine, so that the same version of sedo computes the same ticks everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_LOOK_BACK_MS = (_HOUR_MS, _DAY_MS, 32 * _DAY_MS, 400 * _DAY_MS)
_SOME_MOMENT_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Every:
    """A rate. Its ticks are the multiples of the interval since 1970 in UTC: posting it again does not move them."""

    seconds: int

    @property
    def rule(self) -> str:
        """What makes this recurrence the same as another."""
        return f"every {self.seconds}s"

    def after(self, moment_ms: int) -> int | None:
        """Return the first tick after a moment."""
        interval_ms = self.seconds * 1000
        return (moment_ms // interval_ms + 1) * interval_ms

    def latest(self, first_ms: int, now_ms: int) -> int:
        """Return the last tick until now; `first_ms` is one."""
        interval_ms = self.seconds * 1000
        return max(first_ms, now_ms // interval_ms * interval_ms)


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields of cron, as Debian's cron reads them.

    Fixed hours and minutes come once a day: in the hour that a zone leaves out right after it, in the hour that it has
    twice the first time. A `*` in one of the two follows the hours that really pass.
    """

    text: str
    timezone: str

    @property
    def rule(self) -> str:
        """What makes this recurrence the same as another."""
        return f"{' '.join(self.text.upper().split())} {self.timezone}"

    def after(self, moment_ms: int) -> int | None:
        """Return the first tick after a moment; None when there is none in the next fifty years."""
        return next(self._after(moment_ms), None)

    def latest(self, first_ms: int, now_ms: int) -> int:
        """Return the last tick until now; `first_ms` is one. However long ago that is, few ticks are gone through."""
        for back_ms in _LOOK_BACK_MS:
            if now_ms - back_ms <= first_ms:
                break
            found = self._last(now_ms - back_ms, now_ms)
            if found is not None:
                return found
        return self._last(first_ms - 1, now_ms) or first_ms

    def _last(self, after_ms: int, now_ms: int) -> int | None:
        last = None
        for moment_ms in self._after(after_ms):
            if moment_ms > now_ms:
                break
            last = moment_ms
        return last

    def _after(self, moment_ms: int) -> Iterator[int]:
        start = datetime.fromtimestamp(moment_ms // 1000, tz=zone(self.timezone))
        try:
            for found in CronSim(self.text, start):
                found_ms = round(found.timestamp()) * 1000
                if found_ms > moment_ms:  # it is not where the walk begins in an hour that comes a second time
                    yield found_ms
        except (OverflowError, ValueError):  # the calendar ends with the year 9999
            return


def cron_flaw(text: str) -> str | None:
    """Return what is wrong with the text of a cron expression, else None."""
    found = len(text.split())
    if found != FIELDS:
        return f"expected {FIELDS} fields (minute hour day-of-month month day-of-week), found {found}"
    try:
        CronSim(text, datetime.fromtimestamp(0, tz=UTC))
    except CronSimError as error:
        return f"{str(error)[:1].lower()}{str(error)[1:]}"
    if Cron(text, "UTC").after(_SOME_MOMENT_MS) is None:
        return "there is no such day"
    return None


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=128)
def zone(name: str) -> tzinfo:
    """Return a zone of `zone_names`."""
    if name == "UTC":
        return UTC
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)

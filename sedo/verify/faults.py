"""One fault at one I/O call, or a kind of fault everywhere; and the I/O calls of a run, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sedo.simulation.faults import ANYWHERE, Fault, Faults


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault at the call of this number (from 1); number 0 is every call of the site."""

    number: int
    kind: str
    site: str

    @property
    def text(self) -> str:
        """What people read."""
        where = f"I/O call {self.number}, {self.site}" if self.number else f"each {self.site}"
        return f"{_WORDS[self.kind]} {where}"


_WORDS = {
    "crash": "a crash before",
    "crash_after": "a crash after",
    "duplicate": "a message delivered twice at",
    "late": "a message sent late at",
}
START = ("api commit", "api load", "api get_definition", "api send")


class OneFault(Faults):
    """Strikes as planned; `sites` are all I/O calls of the run."""

    def __init__(self, planned: Planned | None = None) -> None:
        super().__init__("verify", {}, 1.0)
        self.planned = planned
        self.sites: list[str] = []

    def strike(self, site: str) -> str | None:
        """Count an I/O call, and say what strikes."""
        self.calls += 1
        self.sites.append(site)
        plan = self.planned
        if plan is None or plan.site != site or plan.number not in (0, self.calls):
            return None
        self.fired.append(Fault(self.calls, plan.kind, site))
        return plan.kind


def planned_for(sites: Sequence[str]) -> Iterator[Planned]:
    """Yield a crash before and after every I/O call, each delivery doubled, each message late; then all at once.

    Calls before the first commit are left out: nothing has begun before it.
    """
    begun = sites.index("api commit") + 1
    for number, site in enumerate(sites, 1):
        if site == "deliver":
            yield Planned(number, "duplicate", site)
            continue
        if number < begun or site.removeprefix("api ") not in ANYWHERE:
            continue
        if number > begun:
            yield Planned(number, "crash", site)
        yield Planned(number, "crash_after", site)
        if site.removeprefix("api ") == "send":
            yield Planned(number, "late", site)
    yield Planned(0, "duplicate", "deliver")
    yield Planned(0, "late", "send")

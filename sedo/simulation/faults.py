"""Faults: which strikes at which I/O call. Each kind has a budget of its own, so that none crowds out another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random

READS = ("load", "load_chunks", "get_definition", "load_timetable", "due", "backlog")
WRITES = ("commit", "put_chunk", "send", "delete", "stamp_expiry", "save_timetable")
CALLS = (*READS, *WRITES)
ANYWHERE = (*CALLS, "perform", "acknowledge")

SITES: dict[str, tuple[str, ...]] = {
    "crash": ANYWHERE,
    "crash_after": ANYWHERE,
    "crash_at_send": ("send",),
    "unavailable": CALLS,
    "answer_lost": WRITES,
    "repeated": ("commit", "api commit"),
    "half_sent": ("send",),
    "slow": ANYWHERE,
    "late": ("send",),
    "early": ("send",),
    "lost": ("send",),
    "duplicate": ("deliver",),
    "not_deleted": ("acknowledge", "delete"),
    "stale": ("due",),
    "busy": ("backlog",),
    "purge": ("send", "deliver"),
    "outage": ("send", "deliver", "commit", "load"),
    "api_crash": ("api commit", "api send", "api load", "api put_definition"),
    "api_unavailable": ("api commit", "api send", "api load", "api put_definition", "api load_timetable"),
    "api_answer_lost": ("api commit", "api send", "api put_definition"),
    "api_half_sent": ("api send",),
}
"""Where each kind can strike. What is done by callers of the API has kinds of its own: nobody redelivers them."""
NEVER = 1 << 60
KINDS = (*SITES, "skew")

_AT = {site: tuple(kind for kind in SITES if site in SITES[kind]) for sites in SITES.values() for site in sites}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that struck: its number in the run, what, and where."""

    number: int
    kind: str
    site: str


class Faults:
    """The faults of one run; `dropped` ones are left out, which is how a story gets short."""

    def __init__(self, seed: str, budgets: Mapping[str, int], rate: float, dropped: Collection[int] = ()) -> None:
        self._random = Random(f"faults {seed}")
        self._seed = seed
        self._left = dict(budgets)
        self._rate = rate
        self._dropped = frozenset(dropped)
        self._planned = {kind: self._gap() for kind in budgets}
        self._next = min(self._planned.values(), default=NEVER)
        self._found = 0
        self.calls = 0
        self.fired: list[Fault] = []

    def _gap(self) -> int:
        return 1 + int(self._random.expovariate(self._rate))

    def strike(self, site: str) -> str | None:
        """Count an I/O call and say what strikes there, if anything."""
        self.calls += 1
        if self.calls < self._next:
            return None
        for kind in _AT.get(site, ()):
            if self._planned.get(kind, NEVER) <= self.calls:
                return self._fire(kind, site)
        return None

    def _fire(self, kind: str, site: str) -> str | None:
        self._left[kind] -= 1
        self._planned[kind] = self.calls + self._gap() if self._left[kind] > 0 else NEVER
        self._next = min(self._planned.values())
        self._found += 1
        if self._found in self._dropped:
            return None
        self.fired.append(Fault(self._found, kind, site))
        return kind

    def parameter(self) -> float:
        """Return how strong the last fault is, from 0 to 1; its own draw, so that dropping another changes nothing."""
        last = self.fired[-1]
        return Random(f"{self._seed} {last.number} {last.kind}").random()

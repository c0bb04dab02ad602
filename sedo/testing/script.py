"""Who answers what: each attempt takes the next answer of its step, and keeps it however often it is asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sedo.testing.cases import EVERY_ITEM, Entry, Mocks


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: `step` is its id, after those of the `execute` steps above (`bill/charge`); `item` is `0`, `1/2`."""

    execution_id: str
    step: str
    item: str
    visit: int
    number: int


@dataclass
class Script:
    """The answers of one run, and which of them were used."""

    mocks: Mocks
    served: Counter[str] = field(default_factory=Counter)
    _taken: dict[Attempt, Entry | None] = field(default_factory=dict)
    _left: dict[tuple[str, str], list[Entry]] = field(default_factory=dict)
    _used: Counter[tuple[str, str]] = field(default_factory=Counter)
    _arrived: Counter[tuple[str, str]] = field(default_factory=Counter)

    def knows(self, step: str) -> bool:
        """Say whether anything is mocked of a step."""
        return step in self.mocks

    def take(self, attempt: Attempt) -> Entry | None:
        """Return the answer of an attempt: a new one for a new attempt; None when there is none left."""
        if attempt not in self._taken:
            entry = self._taken[attempt] = self._next(attempt)
            if entry is not None:
                self.served[entry.at] += 1
        return self._taken[attempt]

    def _next(self, attempt: Attempt) -> Entry | None:
        key = (attempt.step, attempt.item)
        if key not in self._left:
            by_item = self.mocks.get(attempt.step, {})
            self._left[key] = list(by_item.get(attempt.item) or by_item.get(EVERY_ITEM) or ())
        left = self._left[key]
        if not left:
            return None
        entry = left[0]
        self._used[key] += 1
        if entry.times is not None and self._used[key] >= entry.times:
            left.pop(0)
            self._used[key] = 0
        return entry

    def arrive(self, attempt: Attempt, entry: Entry) -> Entry:
        """Count a call that has come, and return its answer; the last of `arrivals` is repeated."""
        if not entry.arrivals:
            return entry
        key = (entry.at, attempt.item)
        number = self._arrived[key]
        self._arrived[key] += 1
        return entry.arrivals[min(number, len(entry.arrivals) - 1)]

    def unused(self) -> list[tuple[Entry, int]]:
        """Return the answers that no attempt, or too few, have taken, and how many did."""
        entries = [entry for by_item in self.mocks.values() for given in by_item.values() for entry in given]
        return [(entry, self.served[entry.at]) for entry in entries if self.served[entry.at] < (entry.times or 1)]

"""Slips of the pen: which known name somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import chain

LONGEST = 200
"""So many characters of what was written are looked at."""
LIKENESS = 0.7
_SHORTEST_BEGINNING = 4


def meant(found: object, known: Iterable[str], likeness: float = LIKENESS) -> str | None:
    """Return the name that was most likely meant; None where nothing is near enough to be no guess.

    Near is what has most letters in the same order, the same letters in another order, or is the beginning of a name.
    """
    text, names = str(found)[:LONGEST], list(known)
    other_case = [name for name in names if name.lower() == text.lower()]
    if other_case:
        return other_case[0]
    close = difflib.get_close_matches(text, names, 1, likeness)
    if close:
        return close[0]
    same = (name for name in names if len(text) > 1 and sorted(name) == sorted(text))
    begun = (name for name in names if len(text) >= _SHORTEST_BEGINNING and name.startswith(text))
    return next(chain(same, begun), None)


def hint(found: object, known: Iterable[str], likeness: float = LIKENESS) -> str:
    """Return `, did you mean 'x'?`, or nothing."""
    name = meant(found, known, likeness)
    return "" if name is None else f", did you mean {name!r}?"

"""Slips of the pen: which known name somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import chain

LONGEST = 200
"""So many characters of what was written are looked at."""
LIKENESS = 0.7
_SHORTEST_BEGINNING = 4
_SHORT_FOR = {"tz": "timezone"}


def meant(found: object, known: Iterable[str], likeness: float = LIKENESS) -> str | None:
    """Return the name that was most likely meant; None where nothing is near enough to be no guess.

    Near is what differs in capitals alone, has most letters in the same order, the same letters in another order, or
    is the beginning of a name.
    """
    text, names = str(found)[:LONGEST], list(known)
    lower = text.lower()
    equal = (name for name in names if name.lower() == lower)
    close = difflib.get_close_matches(text, names, 1, likeness)
    same = (name for name in names if len(text) > 1 and sorted(name) == sorted(text))
    begun = (name for name in names if len(text) >= _SHORTEST_BEGINNING and name.lower().startswith(lower))
    short = (name for name in names if name == _SHORT_FOR.get(lower))
    return next(chain(equal, close, same, begun, short), None)


def hint(found: object, known: Iterable[str], likeness: float = LIKENESS) -> str:
    """Return `, did you mean 'x'?`, or nothing."""
    name = meant(found, known, likeness)
    return "" if name is None else f", did you mean {name!r}?"

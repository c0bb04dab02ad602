"""What a deployment lets definitions reach by name: tenants write those, and are not trusted with all of an account."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


class Allowed:
    """Patterns of what may be called. `own` is what nobody may, whatever else is allowed: sedo's own parts."""

    def __init__(self, patterns: Sequence[str], own: Sequence[str] = ()) -> None:
        self._patterns = tuple(patterns)
        self._own = tuple(own)

    def permits(self, name: str, *forms: str) -> bool:
        """Say whether something may be called: its bare name is not one of our own, and a form of it is allowed."""
        if any(fnmatchcase(name, pattern) for pattern in self._own):
            return False
        return any(fnmatchcase(form, pattern) for form in forms for pattern in self._patterns)

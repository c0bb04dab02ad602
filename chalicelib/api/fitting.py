"""Answers that hold an execution's data: as much of it as fits into what a Lambda may answer.

That is 6 MB of JSON in which the answer's text is one string, so that its quotes and line breaks count twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chalicelib.api.handling import to_text

MAX_ANSWER_BYTES = 5_500_000
BUDGETS = (5_000_000, 2_000_000, 0)
"""So many bytes of large values are tried, one after the other; the others stay references."""


def fitting_text(make: Callable[[int], Any]) -> str | None:
    """Return the text of the first body that fits; `make` takes how many bytes of large values it may hold."""
    for budget in BUDGETS:
        text = to_text(make(budget))
        if _bytes_in_an_answer(text) <= MAX_ANSWER_BYTES:
            return text
    return None


def _bytes_in_an_answer(text: str) -> int:
    if len(text) * 6 <= MAX_ANSWER_BYTES:
        return 0
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))

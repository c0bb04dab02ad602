"""A page of executions out of index keys: the same for every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from chalicelib.adapters import keys
from chalicelib.adapters.cursors import make_cursor
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.ports import Page

MAX_KEYS_PER_PAGE = 5_000

Load = Callable[[Sequence[str]], dict[str, Execution | SedoError]]


def fill_page(
    scope: str,
    started_keys: Iterator[str],
    limit: int,
    load: Load,
    states: frozenset[str] | None,
    definition_id: str | None,
) -> Page[Execution]:
    """Load heads in the order of their keys until a page is full; leave out what is gone, unreadable or unwanted."""
    items: list[Execution] = []
    seen = 0
    ended = False
    while not ended and len(items) < limit and seen < MAX_KEYS_PER_PAGE:
        batch: list[str] = []
        while len(batch) < limit - len(items) and seen < MAX_KEYS_PER_PAGE:
            key = next(started_keys, None)
            if key is None:
                ended = True
                break
            seen += 1
            last = key
            if keys.belongs_to(keys.id_of_started(key), definition_id):
                batch.append(keys.id_of_started(key))
        heads = load(batch) if batch else {}
        loaded = [heads.get(execution_id) for execution_id in batch]
        items.extend(head for head in loaded if isinstance(head, Execution) and _wanted(head, states))
    more = not ended and next(started_keys, None) is not None
    return Page(items, make_cursor(scope, last) if more else None)


def _wanted(head: Execution, states: frozenset[str] | None) -> bool:
    return states is None or head.state in states

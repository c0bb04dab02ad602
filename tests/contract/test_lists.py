"""Lists of executions: newest first, complete under every page size, filtered by what the heads say."""

from __future__ import annotations

import pytest

from chalicelib.engine.execution import TERMINAL, Execution, State
from chalicelib.ports import BadCursor
from tests.contract.backends import Backend
from tests.contract.samples import START_MS, after, cursor, ended, head


def some(backend: Backend, tenant: str, count: int, definition: str = "example-definition") -> list[Execution]:
    """Commit heads a second apart; return them newest first."""
    heads = [head(tenant, definition, f"{i:03d}", started_at_ms=START_MS + i * 1000) for i in range(count)]
    for execution in heads:
        backend.store.commit(execution, "n1")
    return heads[::-1]


def pages(backend: Backend, tenant: str, limit: int, **filters: object) -> list[list[str]]:
    found: list[list[str]] = []
    cursor = None
    while True:
        page = backend.store.list_executions(tenant, limit, cursor, **filters)  # type: ignore[arg-type]
        assert len(page.items) <= limit
        found.append([execution.id for execution in page.items])
        cursor = page.cursor
        if cursor is None:
            return found


def listed(backend: Backend, tenant: str, limit: int = 50, **filters: object) -> list[str]:
    return [execution_id for page in pages(backend, tenant, limit, **filters) for execution_id in page]


def test_an_empty_list_has_no_next_page(backend: Backend, tenant: str) -> None:
    assert pages(backend, tenant, 5) == [[]]


def test_newest_first_and_complete_under_every_limit(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 7)
    backend.store.commit(ended(heads[2]), "n2")
    backend.store.commit(ended(heads[5], State.FAILED), "n2")
    expected = [execution.id for execution in heads]
    for limit in (1, 2, 3, 6, 7, 8):
        assert listed(backend, tenant, limit) == expected
    assert len(pages(backend, tenant, 7)) == 1, "a page that holds all has no next one"
    assert len(pages(backend, tenant, 6)) == 2


def test_executions_of_the_same_millisecond_are_all_listed(backend: Backend, tenant: str) -> None:
    heads = [head(tenant, suffix=f"{i}") for i in range(5)]
    for execution in heads:
        backend.store.commit(execution, "n1")
    assert sorted(listed(backend, tenant, 2)) == [execution.id for execution in heads]


def test_a_list_shows_the_heads_as_they_are_now(backend: Backend, tenant: str) -> None:
    execution = head(tenant)
    backend.store.commit(execution, "n1")
    moved = after(execution, state=State.STARTED, step="wait-some-time", cursors=(cursor(),))
    backend.store.commit(moved, "n2")
    assert list(backend.store.list_executions(tenant, 5).items) == [moved]


def test_tenants_do_not_see_each_other(backend: Backend, tenant: str) -> None:
    some(backend, tenant, 2)
    some(backend, tenant + "x", 1)
    assert len(listed(backend, tenant)) == 2


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_asked_for(backend: Backend, tenant: str, state: State) -> None:
    heads = some(backend, tenant, 6)
    expected = {State.SUBMITTED: heads[0].id}
    for execution, other in zip(heads[1:], [State.STARTED, *sorted(TERMINAL)], strict=True):
        change = ended(execution, other) if other in TERMINAL else after(execution, state=other, step="a")
        backend.store.commit(change, "n2")
        expected[other] = execution.id
    assert listed(backend, tenant, 3, states=[state.value]) == [expected[state]]


def test_several_states_can_be_asked_for_together(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 4)
    backend.store.commit(ended(heads[1]), "n2")
    backend.store.commit(ended(heads[2], State.CANCELLED), "n2")
    wanted = ["ExecutionSucceeded", "ExecutionCancelled", "StepStarted"]
    assert listed(backend, tenant, 1, states=wanted) == [heads[1].id, heads[2].id]
    assert listed(backend, tenant, 5, states=[]) == []


def test_an_unknown_state_is_refused(backend: Backend, tenant: str) -> None:
    with pytest.raises(ValueError, match="Sleeping"):
        backend.store.list_executions(tenant, 5, states=["Sleeping"])


def test_one_definition_can_be_asked_for(backend: Backend, tenant: str) -> None:
    some(backend, tenant, 3, "a-definition")
    others = some(backend, tenant, 2, "a-definition-2")
    assert listed(backend, tenant, 1, definition_id="a-definition-2") == [execution.id for execution in others]
    assert listed(backend, tenant, 2, definition_id="a") == []


def test_what_starts_or_ends_between_two_pages_repeats_nothing(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 4)
    first = backend.store.list_executions(tenant, 2)
    backend.store.commit(head(tenant, suffix="new", started_at_ms=START_MS + 99_000), "n1")
    backend.store.commit(ended(heads[0]), "n2")
    backend.store.commit(ended(heads[3]), "n2")
    second = backend.store.list_executions(tenant, 2, first.cursor)
    assert [execution.id for page in (first, second) for execution in page.items] == [
        execution.id for execution in heads
    ]


def test_a_head_that_cannot_be_read_is_left_out(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 2)
    backend.damage(f"{tenant}:example-definition:damaged", tenant)
    assert listed(backend, tenant, 1) == [execution.id for execution in heads]


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "AAAA", "é", "A" * 5000, "bm90IG9uZSBvZiBvdXJz"])
def test_a_cursor_that_was_never_handed_out_is_refused(backend: Backend, tenant: str, cursor: str) -> None:
    with pytest.raises(BadCursor):
        backend.store.list_executions(tenant, 5, cursor)
    with pytest.raises(BadCursor):
        backend.store.list_definitions(tenant, 5, cursor)
    with pytest.raises(BadCursor):
        backend.store.list_versions(tenant, "d", 5, cursor)


def test_a_cursor_of_another_list_is_refused(backend: Backend, tenant: str) -> None:
    some(backend, tenant, 2)
    cursor = backend.store.list_executions(tenant, 1).cursor
    assert cursor is not None
    with pytest.raises(BadCursor):
        backend.store.list_executions(tenant + "x", 1, cursor)
    with pytest.raises(BadCursor):
        backend.store.list_definitions(tenant, 1, cursor)
    with pytest.raises(BadCursor):
        backend.store.list_executions(tenant, 1, cursor[:-2] + "AA")

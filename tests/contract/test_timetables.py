"""Timetables: written with the definition in one step, moved on only by who knows the last revision, found when due."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from chalicelib.engine.timetable import Row, Timetable, timetable_id
from chalicelib.ports import DueEntry
from tests.contract.backends import Backend

_TESTS = count(1)
DOCUMENT: dict[str, Any] = {"id": "d", "steps": [{"id": "a", "type": "pass", "end": True}]}


@pytest.fixture
def moment() -> int:
    """A time before that of every earlier test, so that what they left is not in the way."""
    return 10**10 - next(_TESTS) * 10**6


def due(backend: Backend, tenant: str, before_ms: int) -> list[DueEntry]:
    return [entry for entry in backend.store.due(before_ms, 10_000) if entry.execution_id.startswith(f"{tenant}:")]


def test_a_timetable_comes_with_its_version_and_is_read_back(backend: Backend, tenant: str, moment: int) -> None:
    rows = (Row("0 6 * * 1-5 Europe/Vienna", moment + 7), Row("every 900s", moment, moment - 5), Row("x", None))
    version = backend.store.put_definition(tenant, "d", DOCUMENT, 1, rows)
    assert backend.store.load_timetable(tenant, "d") == Timetable(tenant, "d", version, rows, 0)
    assert due(backend, tenant, moment) == []
    assert due(backend, tenant, moment + 1) == [DueEntry(timetable_id(tenant, "d"), moment, False, timetable=True)]
    assert backend.store.load_timetable(tenant, "e") is None
    assert backend.store.load_timetable(tenant + "x", "d") is None


def test_a_new_version_replaces_it_and_one_without_schedules_takes_it_away(
    backend: Backend, tenant: str, moment: int
) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    assert backend.store.put_definition(tenant, "d", DOCUMENT, 2, [Row("b", moment + 5)]) == 2
    assert backend.store.load_timetable(tenant, "d") == Timetable(tenant, "d", 2, (Row("b", moment + 5),))
    assert [entry.due_at_ms for entry in due(backend, tenant, moment + 10)] == [moment + 5]
    assert backend.store.put_definition(tenant, "d", DOCUMENT, 3) == 3
    assert backend.store.load_timetable(tenant, "d") is None
    assert due(backend, tenant, moment + 10) == []


def test_deleting_the_definition_takes_it_away(backend: Backend, tenant: str, moment: int) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    found = backend.store.load_timetable(tenant, "d")
    assert found is not None
    assert backend.store.delete_definition(tenant, "d") is True
    assert backend.store.load_timetable(tenant, "d") is None
    assert due(backend, tenant, moment + 10) == []
    assert backend.store.save_timetable(replace(found, revision=1)) is False
    assert backend.store.load_timetable(tenant, "d") is None
    assert backend.store.delete_definition(tenant, "d") is False


def test_only_who_knows_the_last_revision_moves_it_on(backend: Backend, tenant: str, moment: int) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    first = Timetable(tenant, "d", 1, (Row("a", moment + 3, moment),), 1)
    assert backend.store.save_timetable(first) is True
    assert backend.store.save_timetable(replace(first, rows=(Row("a", moment + 9),))) is False
    assert backend.store.save_timetable(replace(first, definition_version=2, revision=2)) is False
    assert backend.store.load_timetable(tenant, "d") == first
    assert [entry.due_at_ms for entry in due(backend, tenant, moment + 10)] == [moment + 3]
    done = replace(first, rows=(Row("a", None, moment + 3),), revision=2)
    assert backend.store.save_timetable(done) is True
    assert due(backend, tenant, moment + 10) == []
    assert backend.store.load_timetable(tenant, "d") == done


def test_nobody_moves_on_what_was_replaced(backend: Backend, tenant: str, moment: int) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    backend.store.put_definition(tenant, "d", DOCUMENT, 2, [Row("a", moment)])
    assert backend.store.save_timetable(Timetable(tenant, "d", 1, (Row("a", moment + 3),), 1)) is False
    assert backend.store.save_timetable(Timetable(tenant, "d", 2, (Row("a", moment + 3),), 1)) is True


def test_of_many_at_once_one_moves_it_on(backend: Backend, tenant: str, moment: int) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    tries = [Timetable(tenant, "d", 1, (Row("a", moment + i),), 1) for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        won = [
            tried for tried, saved in zip(tries, pool.map(backend.store.save_timetable, tries), strict=True) if saved
        ]
    assert [backend.store.load_timetable(tenant, "d")] == won


def test_posts_deletions_and_moves_at_once_leave_the_latest_with_its_own(
    backend: Backend, tenant: str, moment: int
) -> None:
    def post(number: int) -> None:
        if number % 4 == 3:
            backend.store.delete_definition(tenant, "d")
            return
        version = backend.store.put_definition(tenant, "d", DOCUMENT, number, [Row(str(number), moment)])
        backend.store.save_timetable(Timetable(tenant, "d", version, (Row(str(number), moment + 1),), 1))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(post, range(9)))
    latest = backend.store.get_definition(tenant, "d")
    found = backend.store.load_timetable(tenant, "d")
    assert (None if latest is None else latest.version) == (None if found is None else found.definition_version)
    if latest is not None and found is not None:
        assert found.rows[0].rule == str(latest.created_at_ms)


def test_it_is_in_no_list_of_executions(backend: Backend, tenant: str, moment: int) -> None:
    backend.store.put_definition(tenant, "d", DOCUMENT, 1, [Row("a", moment)])
    assert list(backend.store.list_executions(tenant, 10).items) == []
    assert list(backend.store.list_definitions(tenant, 10).items) == ["d"]

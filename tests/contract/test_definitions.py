"""Definitions: every version for ever, the latest until it is deleted, numbers never given twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.ports import StoredDefinition
from tests.contract.backends import Backend
from tests.contract.samples import TRICKY_VALUES


def document(text: str = "one") -> dict[str, Any]:
    return {"id": "d", "steps": [{"id": "a", "type": "echo", "message": text, "end": True}]}


def ids(backend: Backend, tenant: str, limit: int = 50) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = backend.store.list_definitions(tenant, limit, cursor)
        assert len(page.items) <= limit
        found.extend(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


def versions(backend: Backend, tenant: str, limit: int = 50) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    cursor = None
    while True:
        page = backend.store.list_versions(tenant, "d", limit, cursor)
        assert len(page.items) <= limit
        found.extend(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


def test_the_latest_and_each_version_are_read_back(backend: Backend, tenant: str) -> None:
    store = backend.store
    assert store.put_definition(tenant, "d", document("one"), 11) == 1
    assert store.get_definition(tenant, "d") == StoredDefinition(tenant, "d", 1, 11, document("one"))
    assert store.put_definition(tenant, "d", document("two"), 22) == 2
    assert store.get_definition(tenant, "d") == StoredDefinition(tenant, "d", 2, 22, document("two"))
    assert store.get_definition(tenant, "d", 1) == StoredDefinition(tenant, "d", 1, 11, document("one"))
    assert store.get_definition(tenant, "d", 2) == store.get_definition(tenant, "d")


def test_documents_keep_exact_values_and_their_order(backend: Backend, tenant: str) -> None:
    posted = {"zulu": TRICKY_VALUES, "alpha": "x" * 5000}
    backend.store.put_definition(tenant, "d", posted, 1)
    found = backend.store.get_definition(tenant, "d")
    assert found is not None
    assert repr(found.document) == repr(posted)


def test_what_is_unknown_is_none(backend: Backend, tenant: str) -> None:
    backend.store.put_definition(tenant, "d", document(), 1)
    for definition, version in (("e", None), ("d", 2), ("d", 0), ("d", -1), ("d", 10**12), ("~d#00000001", None)):
        assert backend.store.get_definition(tenant, definition, version) is None
    assert backend.store.get_definition(tenant + "x", "d") is None


def test_deleting_takes_the_latest_and_keeps_the_versions(backend: Backend, tenant: str) -> None:
    backend.store.put_definition(tenant, "d", document(), 1)
    assert backend.store.delete_definition(tenant, "d") is True
    assert backend.store.delete_definition(tenant, "d") is False
    assert backend.store.delete_definition(tenant, "~d#00000001") is False
    assert backend.store.get_definition(tenant, "d") is None
    assert ids(backend, tenant) == []
    found = backend.store.get_definition(tenant, "d", 1)
    assert found is not None
    assert found.document == document()


def test_a_definition_made_again_counts_on(backend: Backend, tenant: str) -> None:
    backend.store.put_definition(tenant, "d", document("one"), 1)
    backend.store.put_definition(tenant, "d", document("two"), 2)
    backend.store.delete_definition(tenant, "d")
    assert backend.store.put_definition(tenant, "d", document("three"), 3) == 3
    assert versions(backend, tenant) == [(3, 3), (2, 2), (1, 1)]


def test_ids_are_listed_in_order_under_every_limit(backend: Backend, tenant: str) -> None:
    names = sorted(["d", "d-1", "d1", "a", "zz", "0"])
    for name in reversed(names):
        backend.store.put_definition(tenant, name, document(), 1)
    backend.store.put_definition(tenant, "a", document("again"), 2)
    backend.store.put_definition(tenant + "x", "other", document(), 1)
    for limit in range(1, 8):
        assert ids(backend, tenant, limit) == names
    assert backend.store.list_definitions(tenant, 6).cursor is None


def test_a_list_goes_on_after_a_definition_that_was_deleted(backend: Backend, tenant: str) -> None:
    for name in ("a", "b", "c"):
        backend.store.put_definition(tenant, name, document(), 1)
    first = backend.store.list_definitions(tenant, 2)
    backend.store.delete_definition(tenant, "b")
    assert list(backend.store.list_definitions(tenant, 2, first.cursor).items) == ["c"]


def test_versions_are_listed_newest_first_under_every_limit(backend: Backend, tenant: str) -> None:
    for number in range(1, 6):
        backend.store.put_definition(tenant, "d", document(), 100 + number)
    backend.store.put_definition(tenant, "d-2", document(), 1)
    backend.store.put_definition(tenant, "d2", document(), 1)
    for limit in range(1, 7):
        assert versions(backend, tenant, limit) == [(number, 100 + number) for number in range(5, 0, -1)]


def test_two_who_post_at_once_get_two_numbers(backend: Backend, tenant: str) -> None:
    def post(number: int) -> int:
        return backend.store.put_definition(tenant, "d", document(str(number)), number)

    with ThreadPoolExecutor(4) as pool:
        given = dict(zip(range(4), pool.map(post, range(4)), strict=True))
    assert sorted(given.values()) == [1, 2, 3, 4]
    for number, version in given.items():
        found = backend.store.get_definition(tenant, "d", version)
        assert found is not None
        assert found.document == document(str(number))
    latest = backend.store.get_definition(tenant, "d")
    assert latest is not None
    assert latest.version == 4

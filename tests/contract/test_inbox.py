"""The inbox: executions with an open task of a person, oldest first, complete under every page size, and no others.

Which executions are listed as such: children are not, since their parent is; what nobody waits for is.
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import family, inbox
from chalicelib.deliveries import Delivery
from chalicelib.drive import Driver
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.execution import Cursor, Execution, State
from chalicelib.outbox import Outbox
from chalicelib.ports import BadCursor, Message
from chalicelib.runtime import Runtime
from chalicelib.service import post_definition, start_execution
from chalicelib.settings import Settings
from tests.contract.backends import Backend, until
from tests.contract.samples import START_MS, after, cursor, ended, head


def task(visit: int = 1, opened_s: int = 0, **held: Any) -> Cursor:
    held = {"human": True, "roles": [], "openedAt": START_MS + opened_s * 1000} | held
    return cursor(path=f"fan/{visit}", visit=visit, step="approve", waits="task", held=held)


def waiting(tenant: str, suffix: str, *cursors: Cursor, **changes: Any) -> Execution:
    return head(tenant, suffix=suffix, state=State.STARTED, step="approve", cursors=cursors, salt="s", **changes)


def some(backend: Backend, tenant: str, count: int) -> list[Execution]:
    """Commit heads whose tasks were opened a second apart, the latest first; return them oldest first."""
    heads = [waiting(tenant, f"{i:03d}", task(opened_s=100 - i)) for i in range(count)]
    for execution in heads:
        backend.store.commit(execution, "n1")
    return heads[::-1]


def pages(backend: Backend, tenant: str, limit: int) -> list[list[Execution]]:
    found: list[list[Execution]] = []
    cursor = None
    while True:
        page = backend.store.list_inbox(tenant, limit, cursor)
        assert len(page.items) <= limit
        found.append(list(page.items))
        cursor = page.cursor
        if cursor is None:
            return found


def listed(backend: Backend, tenant: str, limit: int = 50) -> list[str]:
    return [execution.id for page in pages(backend, tenant, limit) for execution in page]


def test_an_empty_inbox_has_no_next_page(backend: Backend, tenant: str) -> None:
    backend.store.commit(head(tenant), "n1")
    assert pages(backend, tenant, 5) == [[]]


def test_oldest_first_and_complete_under_every_limit(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 7)
    for limit in (1, 2, 3, 6, 7, 8):
        assert listed(backend, tenant, limit) == [execution.id for execution in heads]
    assert len(pages(backend, tenant, 7)) == 1
    assert pages(backend, tenant, 7)[0] == heads, "heads are whole, cursors and all"


def test_tasks_of_the_same_millisecond_are_all_listed(backend: Backend, tenant: str) -> None:
    for i in range(5):
        backend.store.commit(waiting(tenant, f"{i}", task()), "n1")
    assert sorted(listed(backend, tenant, 2)) == [f"{tenant}:example-definition:{i}" for i in range(5)]


def test_an_execution_stands_where_its_oldest_open_task_does(backend: Backend, tenant: str) -> None:
    both = waiting(tenant, "a", task(1, 10), task(2, 30))
    other = waiting(tenant, "b", task(1, 20))
    for execution in (both, other):
        backend.store.commit(execution, "n1")
    assert listed(backend, tenant, 1) == [both.id, other.id]
    backend.store.commit(after(both, cursors=(task(2, 30),)), "n2")
    assert listed(backend, tenant, 1) == [other.id, both.id]


def test_what_is_not_a_persons_task_is_not_in_the_inbox(backend: Backend, tenant: str) -> None:
    backend.store.commit(waiting(tenant, "callback", task(human=False)), "n1")
    backend.store.commit(waiting(tenant, "signal", cursor(waits="signal", held={"name": "paid"})), "n1")
    backend.store.commit(waiting(tenant, "sleeper", cursor()), "n1")
    assert listed(backend, tenant) == []


def test_what_was_answered_or_has_ended_leaves_the_inbox(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 3)
    backend.store.commit(after(heads[0], cursors=(cursor(),)), "n2")
    backend.store.commit(ended(heads[1], State.TIMED_OUT), "n2")
    assert listed(backend, tenant) == [heads[2].id]


def test_what_comes_or_goes_between_two_pages_repeats_nothing(backend: Backend, tenant: str) -> None:
    heads = some(backend, tenant, 4)
    first = backend.store.list_inbox(tenant, 2)
    backend.store.commit(ended(heads[0]), "n2")
    backend.store.commit(waiting(tenant, "new", task(opened_s=999)), "n1")
    second = backend.store.list_inbox(tenant, 9, first.cursor)
    found = [execution.id for page in (first, second) for execution in page.items]
    assert found == [*(execution.id for execution in heads), f"{tenant}:example-definition:new"]


def test_tenants_do_not_see_each_others_tasks(backend: Backend, tenant: str) -> None:
    some(backend, tenant, 2)
    some(backend, tenant + "x", 1)
    assert len(listed(backend, tenant)) == 2


def test_children_have_tasks_too(backend: Backend, tenant: str) -> None:
    child = waiting(tenant, "a.1.0", task(), parent={"id": f"{tenant}:example-definition:a", "token": "c1.1.0"})
    backend.store.commit(child, "n1")
    assert listed(backend, tenant) == [child.id]
    assert backend.store.list_executions(tenant, 5).items == []


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "AAAA", "é", "A" * 5000])
def test_a_cursor_that_was_never_handed_out_is_refused(backend: Backend, tenant: str, cursor: str) -> None:
    with pytest.raises(BadCursor):
        backend.store.list_inbox(tenant, 5, cursor)


def test_a_cursor_of_another_list_is_refused(backend: Backend, tenant: str) -> None:
    some(backend, tenant, 2)
    cursor = backend.store.list_inbox(tenant, 1).cursor
    assert cursor is not None
    with pytest.raises(BadCursor):
        backend.store.list_inbox(tenant + "x", 1, cursor)
    with pytest.raises(BadCursor):
        backend.store.list_executions(tenant, 1, cursor)


class Numbers:
    """Nonces that no other test has."""

    def __init__(self, tenant: str) -> None:
        self.tenant, self.last = tenant, 0

    def __call__(self) -> str:
        self.last += 1
        return f"{self.tenant}-{self.last}"


class NoCalls:
    def perform(self, task: Any) -> TaskResult:
        raise AssertionError(f"{task} reaches outside")


@pytest.fixture
def runtime(backend: Backend, tenant: str) -> Runtime:
    return Runtime(
        settings=Settings(),
        store=backend.store,
        queue=backend.queue,
        tasks=NoCalls(),
        now_ms=lambda: START_MS,
        nonces=Numbers(tenant),
        sleep=lambda _: None,
    )


def posted(runtime: Runtime, tenant: str, definition_id: str, **step: Any) -> None:
    steps = [{"id": "only", "end": True, **step}]
    post_definition(runtime, tenant, {"id": definition_id, "steps": steps})


def test_tasks_of_a_role_in_pages(runtime: Runtime, tenant: str) -> None:
    posted(runtime, tenant, "managers", type="human", roles=["manager"])
    posted(runtime, tenant, "clerks", type="human", roles=["clerk", "manager"])
    for name in ("managers", "clerks", "managers", "clerks"):
        start_execution(runtime, tenant, name, None, actor="tests")
    for role, expected in ((None, 4), ("manager", 4), ("clerk", 2), ("nobody", 0)):
        found: list[str] = []
        cursor = None
        while True:
            page = inbox.open_tasks(runtime, tenant, 3, cursor, role)
            found += [task.token for task in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert len(found) == len(set(found)) == expected, role


def driven(runtime: Runtime, execution: Execution) -> Execution:
    """Do what the message of an execution would do; nobody receives it here."""
    delivery = Delivery(Message(execution.id, execution.cursors[0].token, runtime.nonces()), "", "", 1)
    found = Driver(runtime, Outbox(runtime), delivery, START_MS + 60_000).run(execution).execution
    assert found is not None
    return found


def test_children_are_listed_with_their_parent_and_others_by_themselves(runtime: Runtime, tenant: str) -> None:
    posted(runtime, tenant, "inner", type="human")
    posted(runtime, tenant, "waits", type="execute", definition="inner")
    posted(runtime, tenant, "goes-on", type="execute", definition="inner", wait=False)
    parent = start_execution(runtime, tenant, "waits", None, actor="tests")
    other = driven(runtime, start_execution(runtime, tenant, "goes-on", None, actor="tests"))

    def ids() -> set[str]:
        return {execution.id for execution in runtime.store.list_executions(tenant, 10).items}

    until(lambda: len(ids()) == 3)
    assert ids() == {parent.id, other.id, other.output}
    assert [child.id for child in family.children(runtime, tenant, parent.id, 10, 0).items] == [f"{parent.id}.1.0"]
    assert len(runtime.store.list_inbox(tenant, 10).items) == 2

"""The queues: what is sent arrives in the right one when it is due, in its tenant's group; deletes may come twice."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.messages import parse_message
from chalicelib.ports import Message, Outgoing
from sedo.memory_queue import Received
from tests.contract.backends import MAX_RECEIVE_COUNT, Backend, until
from tests.contract.samples import outgoing

Mine = Callable[[str, int], list[Received]]


@pytest.fixture
def mine(backend: Backend, tenant: str) -> Mine:
    """Receive a number of this test's messages; what other tests left is taken away."""

    def receive(queue: str, count: int) -> list[Received]:
        found: list[Received] = []

        def enough() -> bool:
            for message in backend.receive(queue):
                if parse_message(message.body).execution_id.startswith(tenant):
                    found.append(message)
                else:
                    backend.queue.delete(backend.arn(queue), [message.receipt_handle])
            return len(found) >= count

        until(enough)
        return found

    return receive


def nothing_arrives(backend: Backend, queue: str, tenant: str) -> bool:
    return not any(tenant in message.body for message in backend.receive(queue))


def parsed(found: list[Received]) -> list[Message]:
    return sorted((parse_message(message.body) for message in found), key=lambda message: message.n)


def expected(sent: list[Outgoing]) -> list[Message]:
    return sorted((out.message for out in sent), key=lambda message: message.n)


def test_a_message_arrives_as_it_was_sent(backend: Backend, tenant: str, mine: Mine) -> None:
    sent = outgoing(f"{tenant}:d:1", tenant, kind="look", lives=3)
    assert backend.queue.send([sent]) == []
    (found,) = mine(READY, 1)
    assert parse_message(found.body) == sent.message
    assert found.receive_count == 1
    assert found.group == tenant


def test_nothing_to_send_is_fine(backend: Backend) -> None:
    assert backend.queue.send([]) == []


def test_more_than_one_batch_is_sent_completely(backend: Backend, tenant: str, mine: Mine) -> None:
    sent = [outgoing(f"{tenant}:d:{i}", tenant) for i in range(25)]
    assert backend.queue.send(sent) == []
    assert parsed(mine(READY, 25)) == expected(sent)


def test_a_delayed_message_travels_by_the_other_queue_and_not_before_its_time(
    backend: Backend, tenant: str, mine: Mine
) -> None:
    sent = [outgoing(f"{tenant}:d:{i}", tenant, delay_seconds=2 * i) for i in range(2)]
    began = time.monotonic()
    assert backend.queue.send(sent) == []
    assert parsed(mine(READY, 1)) == [sent[0].message]
    assert nothing_arrives(backend, TIMEOUT, tenant) or time.monotonic() - began > 1.5
    backend.let_pass(2.1)
    assert parsed(mine(TIMEOUT, 1)) == [sent[1].message]


def test_a_delay_beyond_what_queues_can_is_cut(backend: Backend, tenant: str) -> None:
    assert backend.queue.send([outgoing(f"{tenant}:d:1", tenant, delay_seconds=100_000)]) == []
    assert nothing_arrives(backend, TIMEOUT, tenant)


@pytest.mark.parametrize("name", ["a.b_c-d", "żółć 🦉", "x" * 300, ""])
def test_any_tenant_makes_a_group_that_sqs_takes(backend: Backend, tenant: str, mine: Mine, name: str) -> None:
    assert backend.queue.send([outgoing(f"{tenant}:d:1", name)]) == []
    (found,) = mine(READY, 1)
    assert found.group
    assert len(found.group) <= 128


def test_a_deleted_message_does_not_come_again_and_may_be_deleted_again(
    backend: Backend, tenant: str, mine: Mine
) -> None:
    backend.queue.send([outgoing(f"{tenant}:d:{i}", tenant) for i in range(12)])
    handles = [message.receipt_handle for message in mine(READY, 12)]
    backend.queue.delete(backend.arn(READY), handles[:3])
    backend.queue.delete(backend.arn(READY), handles)
    backend.queue.delete(backend.arn(READY), handles)
    backend.queue.delete(backend.arn(READY), handles[:1])
    backend.queue.delete(backend.arn(READY), [])
    assert nothing_arrives(backend, READY, tenant)


def test_a_message_not_deleted_comes_again_and_in_the_end_is_a_dead_letter(
    backend: Backend, tenant: str, mine: Mine
) -> None:
    sent = outgoing(f"{tenant}:d:1", tenant)
    backend.queue.send([sent])
    for count in range(1, MAX_RECEIVE_COUNT + 1):
        (found,) = mine(READY, 1)
        assert found.receive_count == count
        backend.release(READY, found.receipt_handle)
    assert nothing_arrives(backend, READY, tenant)
    (dead,) = mine(DEAD_LETTER, 1)
    assert parse_message(dead.body) == sent.message
    backend.queue.delete(backend.arn(DEAD_LETTER), [dead.receipt_handle])


def test_the_backlog_counts_what_is_ready(backend: Backend, tenant: str, mine: Mine) -> None:
    before = backend.queue.backlog()
    backend.queue.send([outgoing(f"{tenant}:d:{i}", tenant) for i in range(12)])
    until(lambda: backend.queue.backlog() >= before + 12)
    found = mine(READY, 12)
    backend.queue.delete(backend.arn(READY), [message.receipt_handle for message in found])
    until(lambda: backend.queue.backlog() <= before)

"""The use case of signals: something happened outside that a step of an execution waits for, now or later."""

from __future__ import annotations

from typing import Any

from chalicelib.engine.errors import SedoError
from chalicelib.engine.events import Signalled
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType
from chalicelib.engine.said import MAX_SIGNAL_BYTES, MAX_SIGNALS
from chalicelib.runtime import Runtime
from chalicelib.service import AlreadyEnded, NotFound, load_execution
from chalicelib.writes import write


class MailboxFull(SedoError):
    """Too many signals, or too large ones, wait already for a step that takes them (409)."""


def send_signal(
    runtime: Runtime, tenant_id: str, execution_id: str, name: str, payload: Any, *, id: str | None, actor: str
) -> None:
    """Give a signal to an execution; the same `id` again is fine. Raises NotFound, AlreadyEnded, MailboxFull."""
    execution = load_execution(runtime, tenant_id, execution_id)
    event = Signalled(name, payload, id, actor, runtime.nonces())
    written = write(runtime, execution, runtime.definition(execution), lambda _: event)
    head = written.head
    if head is None:
        raise NotFound(f"execution {execution_id} is unknown")
    if written.has(EventType.SIGNAL_RECEIVED) or (id is not None and id in head.signal_ids):
        return
    if head.ended or head.ending is not None:
        raise AlreadyEnded(f"execution {execution_id} has ended: {_end_of(head)}")
    raise MailboxFull(
        f"{len(head.signals)} signals wait already, and no step has taken them; "
        f"at most {MAX_SIGNALS} may, of {MAX_SIGNAL_BYTES:,} bytes together"
    )


def _end_of(head: Execution) -> str:
    return str(head.ending["state"]) if head.ending is not None else head.state.value

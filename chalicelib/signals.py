"""The use case of signals: something happened outside that a step of an execution waits for, now or later."""

from __future__ import annotations

from typing import Any

from chalicelib.engine.errors import SedoError
from chalicelib.engine.events import Signalled
from chalicelib.engine.said import MAX_SIGNALS
from chalicelib.runtime import Runtime
from chalicelib.service import AlreadyEnded, NotFound, load_execution
from chalicelib.writes import write


class MailboxFull(SedoError):
    """Too many signals wait already for a step that takes them (409)."""


def send_signal(
    runtime: Runtime, tenant_id: str, execution_id: str, name: str, payload: Any, *, id: str | None, actor: str
) -> None:
    """Give a signal to an execution; the same `id` again is fine. Raises NotFound, AlreadyEnded, MailboxFull."""
    execution = load_execution(runtime, tenant_id, execution_id)
    event = Signalled(name, payload, id, actor, runtime.nonces())
    head, changed = write(runtime, execution, runtime.definition(execution), lambda _: event)
    if head is None:
        raise NotFound(f"execution {execution_id} is unknown")
    if changed or (id is not None and id in head.signal_ids):
        return
    if head.ended or head.ending is not None:
        raise AlreadyEnded(f"execution {execution_id} has ended: {head.state.value}")
    raise MailboxFull(f"{MAX_SIGNALS} signals wait already, and no step takes them")

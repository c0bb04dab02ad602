"""The use case of redrives: an execution that did not succeed goes on from where it stood."""

from __future__ import annotations

from chalicelib.engine.errors import SedoError
from chalicelib.engine.events import Event, Redriven
from chalicelib.engine.execution import Execution
from chalicelib.engine.redrive import obstacle
from chalicelib.runtime import Runtime
from chalicelib.service import NotFound, load_definition, load_execution
from chalicelib.writes import write

LATEST = "latest"


class CannotRedrive(SedoError):
    """The execution has nothing to go on from, or not on this version of its definition (409)."""


def redrive_execution(
    runtime: Runtime, tenant_id: str, execution_id: str, version: int | str | None, *, actor: str
) -> Execution:
    """Let an ended execution go on: on the version it ran on (None), on another one, or on the `latest`.

    Raises NotFound (also for the version) and CannotRedrive.
    """
    execution = load_execution(runtime, tenant_id, execution_id)
    wanted = execution.definition_version if version is None else None if version == LATEST else int(version)
    definition = load_definition(runtime, tenant_id, execution.definition_id, wanted)

    def make(head: Execution) -> Event:
        why = _of_its_parent(head) or obstacle(definition, head)
        if why is not None:
            raise CannotRedrive(f"execution {execution_id} cannot be redriven: {why}")
        return Redriven(definition.version, actor, runtime.nonces())

    head = write(runtime, execution, definition, make).head
    if head is None:
        raise NotFound(f"execution {execution_id} is unknown")
    return head


def _of_its_parent(head: Execution) -> str | None:
    """A child that went on by itself would be one of which its parent knows only the old end."""
    return None if head.parent is None else f"it is a child, redrive its parent {head.parent['id']} instead"

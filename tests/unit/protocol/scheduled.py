"""What the tests of schedules share: a definition, its ticks, and what they started."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib import service
from chalicelib.engine.execution import Execution
from chalicelib.engine.timetable import Timetable
from tests.unit.protocol.world import (
    START_MS,
    TENANT,
    World,
    definition,
    step,
)

QUARTER = 900
FIRST_MS = (START_MS // 900_000 + 1) * 900_000
HOURLY_MS = (START_MS // 3_600_000 + 1) * 3_600_000


def scheduled(*entries: dict[str, Any], id: str = "d", **fields: Any) -> dict[str, Any]:
    return definition(step("only"), id=id, schedule=list(entries) or [{"every": "15m"}], **fields)


def post(world: World, document: dict[str, Any]) -> None:
    service.post_definition(world.runtime, TENANT, document)


def started(world: World, definition_id: str = "d") -> list[Execution]:
    """All executions, oldest first."""
    page = world.memory.list_executions(TENANT, 500, None, None, definition_id)
    return sorted(page.items, key=lambda execution: execution.started_at_ms)


def names(world: World, definition_id: str = "d") -> list[str | None]:
    return [execution.name for execution in started(world, definition_id)]


def tick_name(at_ms: int, index: int = 0) -> str:
    return f"schedule.{index}.{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y%m%dT%H%M%SZ}"


def timetable(world: World) -> Timetable:
    found = world.memory.load_timetable(TENANT, "d")
    assert found is not None
    return found


def until(world: World, moment_ms: int) -> None:
    world.run((moment_ms - world.now_ms) / 1000)

"""Schedules at work: a message that comes when a timetable is due starts what is due, and only then moves it on.

Who crashes in between leaves the timetable as it was, and whoever comes next starts the same ticks by the same names,
which starts nothing. Two who do it side by side meet in the names too; one of them moves the timetable on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from chalicelib import service
from chalicelib.engine.decision import TICK_MAY_BE_OVER_MS, look_token, looked_at_ms
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import EARLY_MS
from chalicelib.engine.history import timestamp
from chalicelib.engine.timetable import Row, Tick, Timetable, advanced, due_ticks
from chalicelib.outbox import delay_seconds, send_all
from chalicelib.patience import patiently
from chalicelib.ports import Message, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.schedules")
ACTOR = "schedule"


def start_due(runtime: Runtime, message: Message, until_ms: int) -> list[Outgoing]:
    """Start the latest tick of each schedule that is due. Returns the messages that are to be sent.

    That is one for the next tick if the clock's tick may not see it in time; or the message itself if it came early.
    Raises what a start raised, so that the message comes back; what could be started is then written all the same.
    """
    tenant_id, definition_id, _ = message.execution_id.split(":")
    timetable = patiently(runtime, until_ms, lambda: runtime.store.load_timetable(tenant_id, definition_id))
    if timetable is None:
        return []  # the definition was deleted, or its latest version has no schedule
    now_ms = runtime.now_ms() + EARLY_MS
    schedules = patiently(runtime, until_ms, lambda: _definition(runtime, timetable)).schedules
    ticks = due_ticks(timetable, schedules, now_ms)
    if not ticks:
        early = timetable.due_at_ms == looked_at_ms(message.token)
        return [_delayed(runtime, timetable, message)] if early else []
    failures: dict[Tick, Exception] = {}
    for tick in ticks:
        try:
            _start(runtime, until_ms, timetable, schedules[tick.index].input, tick)
        except Exception as error:  # noqa: BLE001 - it is raised below: one schedule must not stop the others
            failures[tick] = error
    following = advanced(timetable, schedules, [tick for tick in ticks if tick not in failures], now_ms)
    saved = patiently(runtime, until_ms, lambda: runtime.store.save_timetable(following))
    if failures:
        raise next(iter(failures.values()))
    due_at_ms = following.due_at_ms
    if not saved or due_at_ms is None or due_at_ms > now_ms + TICK_MAY_BE_OVER_MS:
        return []
    ahead = Message(message.execution_id, look_token(due_at_ms), runtime.nonces(), message.kind)
    return [_delayed(runtime, following, ahead)]


def _delayed(runtime: Runtime, timetable: Timetable, message: Message) -> Outgoing:
    return Outgoing(message, timetable.tenant_id, delay_seconds(runtime, timetable.due_at_ms or 0))


def upcoming(runtime: Runtime, tenant_id: str, definition_id: str) -> list[dict[str, Any]]:
    """Return `[{index, cron | every, timezone?, nextAt, lastTick?}]` of the latest version. Raises NotFound."""
    timetable = runtime.store.load_timetable(tenant_id, definition_id)
    stored = runtime.store.get_definition(
        tenant_id, definition_id, None if timetable is None else timetable.definition_version
    )
    if stored is None:
        raise service.NotFound(f"definition {definition_id} is unknown")
    entries = stored.document.get("schedule", [])
    rows = () if timetable is None else timetable.rows
    return [_shown(i, entry, row) for i, (entry, row) in enumerate(zip(entries, rows, strict=False))]


def _shown(index: int, entry: Mapping[str, Any], row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": index, "nextAt": None if row.next_ms is None else timestamp(row.next_ms)}
    if "every" in entry:
        shown["every"] = entry["every"]
    else:
        shown |= {"cron": entry["cron"], "timezone": entry.get("timezone", "UTC")}
    if row.last_ms is not None:
        shown["lastTick"] = timestamp(row.last_ms)
    return shown


def _definition(runtime: Runtime, timetable: Timetable) -> Definition:
    """Return the version that a timetable is of. Raises NotFound, and DefinitionInvalid if this code refuses it."""
    version = timetable.definition_version
    return service.load_definition(runtime, timetable.tenant_id, timetable.definition_id, version)


def _start(runtime: Runtime, until_ms: int, timetable: Timetable, input: Any, tick: Tick) -> None:
    """Start one tick by its name; one that an earlier version has started, perhaps otherwise, counts as started."""

    def start() -> None:
        service.start_execution(
            runtime,
            timetable.tenant_id,
            timetable.definition_id,
            input,
            actor=ACTOR,
            name=tick.name,
            version=timetable.definition_version,
            send_them=send_all,
        )

    try:
        patiently(runtime, until_ms, start)
    except service.NameTaken as taken:
        logger.info("%s: %s was started before: %s", timetable.id, tick.name, taken)
    except service.InputRejected as rejected:
        logger.error("%s: %s is left out, its input is not taken any more: %s", timetable.id, tick.name, rejected)

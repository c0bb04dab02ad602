"""The tick: once a minute (a setting) it sends a look for each head or timetable that is due before the next."""

from __future__ import annotations

import logging
import math

from chalicelib.engine.decision import look_token
from chalicelib.ports import DueEntry, Message, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.tick")
FIRST_AGES = (0, 1, 2, 4, 8)
"""Ages, in ticks, at which what stays overdue is looked at; then every LATER_EVERY ticks."""
LATER_EVERY = 15
SEND_AT_ONCE = 100


def tick(runtime: Runtime) -> int:
    """Send the looks of the next minute and return how many. Running it twice is harmless: looks are copies."""
    now = runtime.now_ms()
    interval = interval_ms(runtime)
    backlog = runtime.queue.backlog() > runtime.settings.backlog_defers_looks_above
    waiting: list[Outgoing] = []
    sent = 0
    for entry in runtime.store.due(now + interval, limit_per_shard=10_000):
        if not _wanted(entry, now, interval, backlog=backlog):
            continue
        waiting.append(_look(runtime, entry, now))
        if len(waiting) >= SEND_AT_ONCE:
            sent += _send(runtime, waiting)
            waiting = []
    return sent + _send(runtime, waiting)


def interval_ms(runtime: Runtime) -> int:
    """Return how far apart ticks are."""
    return round(runtime.settings.tick_seconds * 1000)


def _wanted(entry: DueEntry, now: int, interval: int, *, backlog: bool) -> bool:
    """Say whether this tick looks: ahead of the moment, then at ages that thin out, so that no backlog is multiplied.

    While ready messages pile up, what a watchdog misses is most likely among them: it is given 15 ticks.
    """
    age = (now - entry.due_at_ms) // interval
    if entry.watchdog and backlog and age < LATER_EVERY:
        return False
    return age < 0 or age in FIRST_AGES or (age > 0 and age % LATER_EVERY == 0)


def _look(runtime: Runtime, entry: DueEntry, now: int) -> Outgoing:
    kind = "schedule" if entry.timetable else "look"
    message = Message(entry.execution_id, look_token(entry.due_at_ms), runtime.nonces(), kind)
    delay = max(0, math.ceil((entry.due_at_ms - now) / 1000))
    return Outgoing(message, entry.execution_id.partition(":")[0], delay)


def _send(runtime: Runtime, messages: list[Outgoing]) -> int:
    if not messages:
        return 0
    refused = runtime.queue.send(messages)
    if refused:
        logger.warning("%d looks were not sent; a later tick sends them", len(refused))
    return len(messages) - len(refused)

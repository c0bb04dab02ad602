"""The tick: once a minute it sends a look for every head that somebody must look at before the next tick."""

from __future__ import annotations

import logging
import math

from chalicelib.engine.decide import look_token
from chalicelib.ports import DueEntry, Message, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.tick")
INTERVAL_MS = 60_000
FIRST_AGES_MS = (0, 60_000, 120_000, 240_000, 480_000)
LATER_EVERY_MS = 900_000
SEND_AT_ONCE = 100


def tick(runtime: Runtime) -> int:
    """Send the looks of the next minute and return how many. Running it twice is harmless: looks are copies."""
    now = runtime.now_ms()
    backlog = runtime.queue.backlog() > runtime.settings.backlog_defers_looks_above
    waiting: list[Outgoing] = []
    sent = 0
    for entry in runtime.store.due(now + INTERVAL_MS, limit_per_shard=10_000):
        if not _wanted(entry, now, backlog=backlog):
            continue
        waiting.append(_look(runtime, entry, now))
        if len(waiting) >= SEND_AT_ONCE:
            sent += _send(runtime, waiting)
            waiting = []
    return sent + _send(runtime, waiting)


def _wanted(entry: DueEntry, now: int, *, backlog: bool) -> bool:
    """Say whether this tick looks: ahead of the moment, then at ages that thin out, so that no backlog is multiplied.

    While ready messages pile up, what a watchdog misses is most likely among them: it is given 15 minutes.
    """
    age = now - entry.due_at_ms
    if entry.watchdog and backlog and age < LATER_EVERY_MS:
        return False
    if age < 0:
        return True
    if age < LATER_EVERY_MS:
        return any(first <= age < first + INTERVAL_MS for first in FIRST_AGES_MS)
    return age % LATER_EVERY_MS < INTERVAL_MS


def _look(runtime: Runtime, entry: DueEntry, now: int) -> Outgoing:
    message = Message(entry.execution_id, look_token(entry.due_at_ms), runtime.nonces(), "look")
    delay = max(0, math.ceil((entry.due_at_ms - now) / 1000))
    return Outgoing(message, entry.execution_id.partition(":")[0], delay)


def _send(runtime: Runtime, messages: list[Outgoing]) -> int:
    if not messages:
        return 0
    refused = runtime.queue.send(messages)
    if refused:
        logger.warning("%d looks were not sent; a later tick sends them", len(refused))
    return len(messages) - len(refused)

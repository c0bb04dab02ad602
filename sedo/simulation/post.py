"""The queues: sends, delays, deliveries in batches, visibility timeouts, redrive to the dead-letter queue, purges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.messages import body_of
from chalicelib.ports import Message, Outgoing

from sedo.simulation.checks import Violation
from sedo.simulation.invocations import Invocation, Parcel

if TYPE_CHECKING:
    from sedo.simulation.world import World

QUEUES = ("ready", "timeout", "dead")


class Post:
    """All messages of one run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parcels: dict[str, list[Parcel]] = {}
        self.sent: list[tuple[Message, str]] = []
        self.copies: dict[tuple[str, str], int] = {}
        self.ready: dict[str, list[Parcel]] = {queue: [] for queue in QUEUES}
        self.polled: dict[str, bool] = dict.fromkeys(QUEUES, False)

    def send(self, who: Invocation, outgoing: Outgoing, *, delay_ms: int, lost: bool) -> None:
        """Put one message into its queue."""
        message = outgoing.message
        self.world.counts.messages += 1
        body = body_of(message)
        self.sent.append((message, body))
        key = (message.execution_id, message.token)
        self.copies[key] = self.copies.get(key, 0) + 1
        queue = "timeout" if outgoing.delay_seconds else "ready"
        parcel = Parcel(self.world.number("parcel"), message, body, queue)
        if self.world.story is not None:
            when = f" in {delay_ms / 1000} s" if delay_ms else ""
            text = f"sends {message.kind} {message.token} [{message.n}] of {message.execution_id}{when}"
            self.world.tell(who, text + (", and it is LOST" if lost else ""))
        if lost:
            self.world.drivers.excuse(parcel)
            return
        self.parcels.setdefault(message.execution_id, []).append(parcel)
        self.hide(parcel, delay_ms)

    def hide(self, parcel: Parcel, delay_ms: int) -> None:
        """Let a message be received only after some time."""
        parcel.stamp += 1
        stamp = parcel.stamp
        self.world.hub.at(self.world.hub.now_ms + delay_ms, lambda: self._appears(parcel, stamp))

    def _appears(self, parcel: Parcel, stamp: int) -> None:
        if parcel.gone or parcel.stamp != stamp:
            return
        if parcel.queue != "dead" and parcel.receives >= self.world.settings.max_receive_count:
            self._check_fair(parcel)
            parcel.queue = "dead"
            parcel.receives = 0
            self.world.disturbed.add(parcel.message.execution_id)
            self.world.drivers.buried.add(parcel.message.execution_id)
            if parcel.message.lives >= len(self.world.settings.lives_delays_seconds):
                self.world.drivers.spent.add(parcel.message.execution_id)
            self.world.tell(None, f"{parcel.text} becomes a dead letter")
        self.ready[parcel.queue].append(parcel)
        if not self.polled[parcel.queue]:
            self.polled[parcel.queue] = True
            queue = parcel.queue
            self.world.hub.at(self.world.hub.now_ms + int(self.world.random.random() * 20), lambda: self._poll(queue))

    def _check_fair(self, parcel: Parcel) -> None:
        """See that what becomes a dead letter was tried as often as is promised, and not on behalf of earlier steps.

        Of a message that was sent again (a look, a dead letter) there are copies, and each counts for itself. Those of
        a timetable are dropped.
        """
        if parcel.message.kind == "schedule" or self.copies[(parcel.message.execution_id, parcel.message.token)] > 1:
            return
        head = self.world.current[parcel.message.execution_id]
        tried = parcel.receives - parcel.progressed_at
        live = any(cursor.token == parcel.message.token for cursor in head.cursors)
        if live and tried < self.world.settings.max_receive_count - 1:
            raise Violation("fair", f"{head.id}: {parcel.message.token} was tried {tried} times and is a dead letter")

    def _poll(self, queue: str) -> None:
        """Hand up to ten messages, in any order, to an invocation."""
        self.polled[queue] = False
        waiting = [parcel for parcel in self.ready[queue] if not parcel.gone]
        size = 1 + int(self.world.random.random() * 10)
        if len(waiting) > 1:
            self.world.random.shuffle(waiting)
        batch, self.ready[queue] = waiting[:size], waiting[size:]
        if self.ready[queue]:
            self.polled[queue] = True
            self.world.hub.at(self.world.hub.now_ms + 1, lambda: self._poll(queue))
        if not batch:
            return
        kind = self.world.faults.strike("deliver")
        for parcel in batch:
            parcel.receives += 1
            if parcel.receives > 1:
                self.world.disturbed.add(parcel.message.execution_id)
            self.hide(parcel, self.world.visibility_ms)
        if kind == "purge":
            self.purge()
        elif kind == "outage":
            self.world.begin_outage()
        elif kind == "duplicate":
            self.world.disturbed.update(parcel.message.execution_id for parcel in batch)
            self.world.tell(None, f"{len(batch)} messages are delivered twice")
            soon = 15 if self.world.random.random() < 0.5 else 200
            self.world.hub.at(
                self.world.hub.now_ms + int(self.world.random.random() * soon), lambda: self.world.begin(queue, batch)
            )
        self.world.begin(queue, batch)

    def delete(self, who: Invocation, parcels: Sequence[Parcel]) -> None:
        """Take messages away for good."""
        for parcel in parcels:
            if not parcel.gone:
                name = parcel.message.execution_id
                if self.world.story is not None:
                    self.world.tell(who, f"deletes {parcel.text} of {name}")
                parcel.deleted_by = (who.label, who.receives[parcel.number])
                self._forget(parcel)
                self.world.drivers.check_driven(name)

    def _forget(self, parcel: Parcel) -> None:
        parcel.gone = True
        self.parcels[parcel.message.execution_id].remove(parcel)

    def purge(self) -> None:
        """Lose everything that is in the working queues."""
        self.world.tell(None, "the queues are PURGED")
        for parcels in self.parcels.values():
            for parcel in list(parcels):
                if parcel.queue != "dead":
                    self._forget(parcel)
                    self.world.drivers.excuse(parcel)

    def about(self, name: str) -> list[tuple[str, str, str]]:
        """Return (kind, token, n) of every message there is for an execution."""
        return [(p.message.kind, p.message.token, p.message.n) for p in self.parcels.get(name, ())]

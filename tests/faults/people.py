"""Whoever tours ask: people with an inbox, a system that was handed tokens, and somebody who pays."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from queue import Empty

from chalicelib import inbox, signals
from chalicelib.ports import Unavailable
from chalicelib.service import AlreadyEnded
from tests.faults.counting import CountingServer
from tests.faults.deployment import Deployment, every
from tests.faults.errands import TENANT
from tests.faults.tours import ANSWER, PAID

Paying = dict[str, float]
"""Executions, and when (by the monotonic clock) each of them is paid for."""


class People:
    """Answers whatever is open, perhaps twice; an answer that comes too late is refused, and that is fine."""

    def __init__(self, place: Deployment, server: CountingServer, chance: random.Random) -> None:
        self._place, self._server, self._chance = place, server, chance
        self._paying: Paying = {}
        self._lock = threading.Lock()
        self.answers = 0

    def pay(self, execution_id: str) -> None:
        """Pay for a tour at once, or in the next seconds: before its step awaits that, or after."""
        with self._lock:
            self._paying[execution_id] = time.monotonic() + self._chance.choice((0, 0, 1, 3))

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Look at the inbox, the tokens and the bills every half second."""
        with every(lambda: 0.5, self._work):
            yield

    def _work(self) -> None:
        with contextlib.suppress(Unavailable):
            for task in inbox.open_tasks(self._place.runtime, TENANT, 200, None, "boss").items:
                self._answer(task.token)
        with contextlib.suppress(Empty):
            while True:
                self._answer(self._server.tokens.get_nowait())
        now = time.monotonic()
        with self._lock:
            due = [name for name, at in self._paying.items() if at <= now]
        for name in due:
            self._pay_now(name)

    def _answer(self, token: str) -> None:
        try:
            inbox.answer(self._place.runtime, TENANT, token, inbox.as_result(ANSWER), actor="jo")
            self.answers += 1
        except inbox.TaskGone:
            return
        except Unavailable:
            self._server.tokens.put(token)

    def _pay_now(self, name: str) -> None:
        try:
            signals.send_signal(self._place.runtime, TENANT, name, "paid", PAID, id="bill", actor="jo")
        except Unavailable:
            return
        except AlreadyEnded:  # whatever made it end without its signal is found when ends are checked
            pass
        with self._lock:
            del self._paying[name]

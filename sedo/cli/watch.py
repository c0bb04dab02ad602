"""An execution, looked at again and again until it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sedo.cli.client import Client
from sedo.cli.errors import Unreachable
from sedo.cli.options import Options
from sedo.cli.output import note

ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionCancelled")
# The last page is read again at each look, so pages are small.
EVENTS_ON_A_PAGE = 100
PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
PATIENCE_SECONDS = 60.0

Json = dict[str, Any]


@dataclass
class Watch:
    """Remembers how far the history was read."""

    client: Client
    execution_id: str
    seen: int = 0
    page: str = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.client.address("executions", self.execution_id, "history", limit=EVENTS_ON_A_PAGE)

    def look(self) -> tuple[Json, list[Json]]:
        """Return the execution and the events since the last look. What is read after an end is complete."""
        execution = self.client.get("executions", self.execution_id)
        return execution, list(self._news())

    def _news(self) -> Iterator[Json]:
        """The last page is read again at the next look: that is where events are added."""
        following: str | None = self.page
        while following:
            self.page = following
            events, following = self.client.page(self.page)
            for event in events:
                if event["seq"] > self.seen:
                    self.seen = event["seq"]
                    yield event


def looks(options: Options, execution_id: str) -> Iterator[tuple[Json, list[Json]]]:
    """Yield the execution and its news until it has ended; a service that is away for a moment ends nothing."""
    watch = Watch(options.client(), execution_id)
    pause, lost_since = 0, None
    while True:
        try:
            execution, events = watch.look()
        except Unreachable as error:
            if watch.seen == 0:
                raise
            if lost_since is None:
                lost_since = options.now()
                note(f"{error.message}; trying again")
            if options.now() - lost_since > PATIENCE_SECONDS:
                raise
            options.sleep(PAUSES_SECONDS[-1])
            continue
        lost_since = None
        yield execution, events
        if execution["state"] in ENDS:
            return
        pause = 0 if events else min(pause + 1, len(PAUSES_SECONDS) - 1)
        options.sleep(PAUSES_SECONDS[pause])

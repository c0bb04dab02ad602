"""Signals as a flag that the main thread looks at: nothing is interrupted between starting a process and noting it."""

from __future__ import annotations

import signal
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AskedToEnd(Exception):
    """Ctrl-C, a closed terminal, or somebody's SIGTERM. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """Installed once, in the main thread."""

    def __init__(self) -> None:
        self._number: int | None = None
        for number in ENDING:
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._number = number

    def check(self) -> None:
        """Raises AskedToEnd once a signal has come; called in every loop that waits."""
        if self._number is not None:
            raise AskedToEnd(self._number)

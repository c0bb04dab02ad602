"""Waiting out throttles and short outages inside the time budget, instead of failing."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeVar

from chalicelib.ports import Unavailable
from chalicelib.runtime import Runtime

T = TypeVar("T")
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


def patiently(runtime: Runtime, until_ms: int, call: Callable[[], T]) -> T:
    """Make a call that may safely be made again, until it is answered or the time is up (then raises Unavailable)."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return call()
        except Unavailable:
            if runtime.now_ms() + pause * 1000 >= until_ms:
                raise
            runtime.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def chance(nonce: str) -> float:
    """Return a number from 0 to 1 that another nonce would give otherwise."""
    return zlib.crc32(nonce.encode()) / 0xFFFFFFFF

"""Retries: whether a failed attempt is made again, and after how long."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from chalicelib.engine.definition import Retry
from chalicelib.engine.errors import PROCESSING_FAILED, matches

MAX_GROWTH = 1e12


def granted(policies: Sequence[Retry], error: str, attempt: int) -> Retry | None:
    """Return the first policy that covers an error, if it leaves another attempt after this one.

    What processing gave up was tried long enough, whatever a policy says.
    """
    policy = next((entry for entry in policies if matches(entry.errors, error)), None)
    if policy is None or attempt >= policy.max_attempts or error == PROCESSING_FAILED:
        return None
    return policy


def delay_seconds(policy: Retry, attempt: int, name: str) -> float:
    """Return the pause after an attempt. Jitter looks random and is always the same for one `name`."""
    growth = min(policy.backoff_rate ** min(attempt - 1, 60), MAX_GROWTH)
    seconds = min(policy.interval_seconds * growth, policy.max_interval_seconds)
    return seconds * (zlib.crc32(name.encode()) / 0xFFFFFFFF) if policy.full_jitter else seconds

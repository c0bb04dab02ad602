"""Names and bounds of the queues, as SQS has them."""

from __future__ import annotations

import re

READY = "execution-processor-queue"
TIMEOUT = "timeout-queue"
DEAD_LETTER = "dead-letter-queue"

MAX_DELAY_SECONDS = 900
_NOT_IN_GROUP_IDS = re.compile(r"[^A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]")


def group_id(tenant_id: str) -> str:
    """Return a tenant as a MessageGroupId: SQS allows 128 letters, digits and signs, and at least one."""
    return _NOT_IN_GROUP_IDS.sub("_", tenant_id)[:128] or "_"

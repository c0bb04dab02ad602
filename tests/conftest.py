"""What every test may use, and one guard: no test reaches a real AWS account."""

from __future__ import annotations

import os

from sandbox.emulators import aws_environment
from tests.emulators import localstack_url, ministack_url

__all__ = ["localstack_url", "ministack_url"]

# Tests name their emulator themselves; whoever forgets meets a closed port, not somebody's account.
for name, value in aws_environment("http://127.0.0.1:9").items():
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value

"""Other engines: a command that runs the same chains and prints one JSON line.

The line has `per_s`, and may have `n` or `executions`, `p50_ms` and `p99_ms`. In the command `{mode}`, `{steps}`,
`{executions}` and `{url}` (the echo server's) are replaced.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

WITHIN_SECONDS = 1800.0


class PeerFailed(Exception):
    """The command failed, or said nothing that can be read."""


def run(command: str, mode: str, steps: int, executions: int, url: str) -> dict[str, Any]:
    """Return the members of a row that the peer measured. Raises PeerFailed."""
    for name, value in (("mode", mode), ("steps", steps), ("executions", executions), ("url", url)):
        command = command.replace(f"{{{name}}}", str(value))
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=WITHIN_SECONDS)  # noqa: S602 - the caller's own command
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise PeerFailed(f"{command}: exit code {done.returncode}\n{done.stderr[-1000:]}")
    found = json.loads(lines[-1])
    return {
        "executions": int(found.get("executions", found.get("n", executions))),
        "per_s": float(found["per_s"]),
        "p50_ms": found.get("p50_ms"),
        "p99_ms": found.get("p99_ms"),
    }

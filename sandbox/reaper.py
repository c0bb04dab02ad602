"""Ends the process groups of a parent that died without ending them (SIGKILL, a crash).

Run as a program of its own. Standard input is a pipe from the parent: `+N` says that group N was started, `-N` that
it has ended. The pipe closes when the parent is gone, however that came; what is left then is ended.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 10.0


def main() -> None:
    """Ignores the signals that are meant for the parent, since its work begins when that is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    end(groups)


def end(groups: set[int]) -> None:
    """Asks first, so that an emulator can save its state, and makes sure after a while."""
    groups = {group for group in groups if send(group, signal.SIGTERM)}
    deadline = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if send(group, 0)}
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Whether the group was still there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()

"""Commands that hear Ctrl-C wherever the tests run: a shell lets what it starts in the background ignore it."""

from __future__ import annotations

import sys

_HEAR = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def in_foreground(command: list[str]) -> list[str]:
    """Return a command that becomes the one given, whose program is a path."""
    return [sys.executable, "-c", _HEAR, *command]

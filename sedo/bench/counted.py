"""Runs one of the sandbox's modules and counts the requests that it makes to AWS.

    SEDO_BENCH_COUNTS=DIR python -m sedo.bench.counted MODULE …

The count stands in a file named after the process, eight bytes that another process may read at any time. It is taken
below all clients, because the worker's polling is not the app's.
"""

from __future__ import annotations

import importlib
import mmap
import os
import struct
import sys
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.httpsession import URLLib3Session

VARIABLE = "SEDO_BENCH_COUNTS"
BYTES = 8


def begin(folder: Path) -> None:
    """From now on every request of this process is counted."""
    path = folder / str(os.getpid())
    path.write_bytes(bytes(BYTES))
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), BYTES)
    lock, send, count = Lock(), URLLib3Session.send, 0

    def counting_send(self: URLLib3Session, request: Any) -> Any:
        nonlocal count
        with lock:
            count += 1
            struct.pack_into("<Q", shared, 0, count)
        return send(self, request)

    URLLib3Session.send = counting_send  # type: ignore[method-assign]


def total(folder: Path) -> int:
    """All requests of all processes that count there."""
    return sum(struct.unpack("<Q", path.read_bytes())[0] for path in folder.iterdir())


def main() -> int:
    """The exit code is the module's."""
    begin(Path(os.environ[VARIABLE]))
    module, *words = sys.argv[1:]
    code: int = importlib.import_module(module).main(words)
    return code


if __name__ == "__main__":
    sys.exit(main())

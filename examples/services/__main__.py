"""Starts the services until Ctrl-C: `python3 -m examples.services --port 8100`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from types import FrameType

from examples.services.server import Services

PORT = 8100


def end(_: int, __: FrameType | None) -> None:
    """End a SIGTERM as Ctrl-C ends."""
    raise KeyboardInterrupt


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser("examples.services", description="The services that the examples call, in memory.")
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT}; 0 takes a free one")
    port: int = parser.parse_args().port
    signal.signal(signal.SIGTERM, end)
    try:
        server = Services(port)
    except (OSError, OverflowError) as error:
        print(f"port {port} cannot be had: {error}; --port chooses another", file=sys.stderr)
        return 1
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"the services of the examples: {server.url}", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())

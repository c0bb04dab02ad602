"""The outside world of `effect` steps: answers every GET with `ok` at once, and counts. A process of its own.

    python -m sedo.bench.echo_server PORT

`/count` answers how many other requests came.
"""

from __future__ import annotations

import asyncio
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "


class EchoServer:
    """HTTP as far as a GET needs it."""

    def __init__(self) -> None:
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = b"ok"
                if request.startswith(b"GET /count "):
                    body = str(self.count).encode()
                else:
                    self.count += 1
                writer.write(HEAD + str(len(body)).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main(port: int) -> None:
    """Serves until it is ended."""
    async with await asyncio.start_server(EchoServer().serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

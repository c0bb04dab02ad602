"""The outside world of steps that call: answers every GET with `ok` and counts. A process of its own.

    python -m sedo.bench.echo_server PORT

It answers at once, `/sleep/SECONDS` after so long. `/count` answers how many other requests came, `/most` how many of
them were under way at the same time at most since it was last asked.
"""

from __future__ import annotations

import asyncio
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "


class EchoServer:
    """HTTP as far as a GET needs it."""

    def __init__(self) -> None:
        self.count = 0
        self.at_once = 0
        self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                body = await self.answer(request.split(b" ", 2)[1].decode())
                writer.write(HEAD + str(len(body)).encode() + b"\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, path: str) -> bytes:
        """Return the body for one path."""
        if path == "/count":
            return str(self.count).encode()
        if path == "/most":
            most, self.most = self.most, self.at_once
            return str(most).encode()
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if path.startswith("/sleep/"):
            await asyncio.sleep(float(path.removeprefix("/sleep/")))
        self.at_once -= 1
        return b"ok"


async def main(port: int) -> None:
    """Serves until it is ended."""
    async with await asyncio.start_server(EchoServer().serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

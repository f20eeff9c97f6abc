"""A server that does nothing, to see what the load generator itself can do: it answers at once.

``python -m benchmarks._trivial --port PORT``
"""

import asyncio
import sys
from typing import cast

import uvloop

_BODY = b"x" * 1500  # as much as a version's record
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class Answering(asyncio.Protocol):
    """One connection, on which each piece that comes is taken for a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        """Answer."""
        self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[2])))

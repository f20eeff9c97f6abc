"""A server that responds immediately, to measure the limit of the load generator itself.

``python -m benchmarks._trivial --port PORT``
"""

import asyncio
import sys
from typing import cast

import uvloop

_BODY = b"x" * 1500  # the size of a version's record
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class Answering(asyncio.Protocol):
    """One connection, where each received chunk counts as a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the connection's transport."""
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's transport is not a subclass of it

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        """Answer."""
        self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[2])))

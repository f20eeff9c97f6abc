"""How many streams of one kind a process has open, and a principal of them."""

from collections.abc import AsyncIterator

from pedigree.errors import ServiceBusyError
from pedigree.server.http.fair_use import FairUse, Use


class StreamPlaces:
    """The places of streams of one kind in this process.

    Args:
        fair_use: The shares of principals, which count streams of all kinds.
        most: The largest number of these streams.
    """

    def __init__(self, fair_use: FairUse, most: int) -> None:
        self._fair_use = fair_use
        self._free = most

    def taken_by(self, principal: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Return a stream that has a place as long as it is read.

        Args:
            principal: Whose it is.
            stream: The stream.

        Raises:
            ServiceBusyError: This process, or the principal in it, has its largest number.
        """
        if not self._free:
            raise ServiceBusyError("the service has too many streams", remedy="Try again later")
        self._fair_use.require_free(principal, Use.STREAMS)
        return self._taken(principal, stream)

    async def _taken(self, principal: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._free -= 1
        try:
            async with self._fair_use.share(principal, Use.STREAMS):
                async for part in stream:
                    yield part
        except ServiceBusyError:
            return  # another stream took the last place; its client connects again
        finally:
            self._free += 1

"""Unknown tokens: an address that sends many of them is refused before the next one is looked up.

Each unknown token costs a query, which a caller without any token could otherwise repeat at will.
"""

import time
from collections import OrderedDict

from pedigree.errors import ServiceBusyError
from pedigree.server.refusals import Refusal
from pedigree.server.request_metrics import RequestMetrics

# How many unknown tokens an address may send within the time: a client with a wrong token still
# learns that it is wrong, and the queries of one that guesses take a fraction of a connection.
_MOST = 200
_SECONDS = 10.0
_MOST_ADDRESSES = 10_000


class UnknownTokens:
    """The unknown tokens that addresses sent recently.

    Args:
        metrics: Where refusals are counted.
    """

    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics
        # The end of the time of an address, and its number of unknown tokens.
        self._sent: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, address: str) -> None:
        """Note that an address sent an unknown token."""
        now = time.monotonic()
        until, number = self._sent.pop(address, (0.0, 0))
        self._sent[address] = (until, number + 1) if now < until else (now + _SECONDS, 1)
        if len(self._sent) > _MOST_ADDRESSES:
            self._sent.popitem(last=False)

    def require_few(self, address: str) -> None:
        """Refuse an address that sent too many.

        Raises:
            ServiceBusyError: It sent too many within the last seconds.
        """
        until, number = self._sent.get(address, (0.0, 0))
        if number >= _MOST and time.monotonic() < until:
            self._metrics.count_refusal(Refusal.TOKENS)
            raise ServiceBusyError(
                "this address has sent too many unknown tokens",
                field="Authorization",
                remedy=f"Send a valid token, or try again in {_SECONDS:g} seconds",
            )

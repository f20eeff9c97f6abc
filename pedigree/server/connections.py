"""The open connections of a worker: how many there may be, and which are closed for their time."""

import asyncio
import logging
import resource
import time
from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from pedigree.server.http.throttle import Throttle
from pedigree.server.refusals import Refusal
from pedigree.server.request_metrics import RequestMetrics
from pedigree.settings import Settings

_LOG = logging.getLogger(__name__)

# Deadlines are compared with the clock this often; no request sets a timer of its own.
_SWEEP_S = 0.5
# Refused connections that stay open until their client has read the answer.
_MOST_LINGERING = 64
# Files of a process besides its connections: the database, the store, logs, libraries.
_OTHER_FILES = 200
# A connection that transfers a file has this file open as well.
_FILES_OF_ONE = 2
_LOGGED_EVERY_S = 60.0


class Timed(Protocol):
    """A connection that may be open until a deadline."""

    def expires_by(self, now: float) -> bool:
        """Return whether the deadline has passed."""
        ...

    def expire(self) -> None:
        """Close the connection, because its deadline has passed."""
        ...

    def close_idle(self) -> None:
        """Close the connection, which has no request, to make room for another one."""
        ...


class Connections:
    """The open connections of this process.

    Args:
        settings: The limits.
        metrics: Where refusals are counted.
    """

    def __init__(self, settings: Settings, metrics: RequestMetrics) -> None:
        self.header_seconds = settings.serve_header_timeout.total_seconds()
        self.idle_seconds = settings.serve_idle_timeout.total_seconds()
        self._most = possible_connections(settings.serve_connections)
        self._most_of_address = settings.serve_connections_per_address
        self._proxies = settings.serve_proxies
        self._metrics = metrics
        # In the order in which they became idle.
        self._idle: dict[Timed, None] = {}
        self._open: dict[Timed, str | None] = {}
        self._lingering: set[Timed] = set()
        self._of_address: Counter[str] = Counter()
        self._logged = Throttle(_LOGGED_EVERY_S)
        self._is_sweeping = False

    def add(self, connection: Timed, host: str | None) -> Refusal | None:
        """Count a new connection; return why it is refused, or None.

        If there are too many, the connection that was idle for longest is closed instead.

        Args:
            connection: The connection.
            host: The client's address; None on a Unix socket, which has no limit of an address.
        """
        key = self._key(host)
        if key is not None and self._of_address[key] >= self._most_of_address:
            return Refusal.ADDRESS
        if len(self._open) >= self._most:
            longest = next(iter(self._idle), None)
            if longest is None:
                return Refusal.CONNECTIONS
            self.remove(longest)
            longest.close_idle()
        self._open[connection] = key
        if key is not None:
            self._of_address[key] += 1
        self._sweep_later()
        return None

    def remove(self, connection: Timed) -> None:
        """Stop counting a connection; it may have been removed before."""
        self._idle.pop(connection, None)
        self._lingering.discard(connection)
        key = self._open.pop(connection, None)
        if key is not None:
            self._of_address[key] -= 1
            if not self._of_address[key]:
                del self._of_address[key]

    def mark_idle(self, connection: Timed) -> None:
        """Note that a connection has no request, so that it may be closed for another one."""
        if connection in self._open:
            self._idle[connection] = None

    def mark_busy(self, connection: Timed) -> None:
        """Note that a connection has a request."""
        self._idle.pop(connection, None)

    def may_linger(self, connection: Timed) -> bool:
        """Return whether a refused connection may stay open until its client has read why."""
        if len(self._lingering) >= _MOST_LINGERING:
            return False
        self._lingering.add(connection)
        self._sweep_later()
        return True

    def count(self, refusal: Refusal, host: str | None) -> None:
        """Count a refusal; one line a minute logs it for each reason and address."""
        self._metrics.count_refusal(refusal)
        if self._logged.is_new((refusal, _group(host) if host else None)):
            _LOG.warning(
                "refused a connection of %s: %s",
                host or "this machine",
                refusal,
                extra={"action": "serve.refused", "error": str(refusal)},
            )

    def _key(self, host: str | None) -> str | None:
        if not host:
            return None
        try:
            address = ip_address(host)
        except ValueError:
            return host
        # A trusted proxy carries the requests of everybody.
        return None if any(address in each for each in self._proxies) else _group(host)

    def _sweep_later(self) -> None:
        if not self._is_sweeping:
            self._is_sweeping = True
            asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._is_sweeping = False
        now = time.monotonic()
        for connection in {**self._open, **dict.fromkeys(self._lingering)}:
            if connection.expires_by(now):
                connection.expire()
        if self._open or self._lingering:
            self._sweep_later()


@lru_cache(maxsize=4096)
def _group(host: str) -> str:
    """Return the addresses that count as one: a single IPv4 address, or the /64 of an IPv6 one.

    >>> _group("192.0.2.7"), _group("2001:db8::1:2:3:4"), _group("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::', '192.0.2.7')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # One subscriber has a whole /64.
    return str(IPv6Address(int(address) >> 64 << 64))


def possible_connections(wanted: int) -> int:
    """Return how many connections the process can have open; raises its limit of files if it can.

    Beyond that limit the kernel refuses everybody, and files and the database cannot be opened.
    """
    needed = _OTHER_FILES + _FILES_OF_ONE * wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    possible = max(1, (soft - _OTHER_FILES) // _FILES_OF_ONE)
    _LOG.warning(
        "the limit of open files (ulimit -n %d) allows %d connections, not %d",
        soft,
        possible,
        wanted,
        extra={"action": "serve.limited"},
    )
    return possible

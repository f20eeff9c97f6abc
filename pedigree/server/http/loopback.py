"""Loopback hosts."""

from functools import lru_cache
from ipaddress import ip_address


@lru_cache(maxsize=1024)  # each request asks, and the same clients send many
def is_loopback(host: str) -> bool:
    """Return whether a host is a loopback address, which only this machine reaches.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("localhost")
    (True, False, True)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

"""The allowed addresses of receivers: public ones, and those of networks in the settings.

The creator of a webhook must not use this process to reach services of its internal network:
metadata services, databases, admin pages (server-side request forgery).
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from pedigree._setting_lists import Network

# Public for Python, but not safe: forms with an embedded IPv4 address, which routers extract again
# (6to4, Teredo, NAT64), addresses reserved for protocols, and the internal services of Oracle's
# cloud and of Azure.
_NEVER = tuple(
    map(
        ip_network,
        (
            *("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10"),
            *("192.0.0.0/24", "168.63.129.16/32"),
        ),
    )
)


LONGEST_URL = 2048


def url_fault(url: str) -> str | None:
    """Return what is wrong with a URL that somebody else named; None if nothing is.

    >>> url_fault("https://ann@witness.example/")
    'the URL must have neither user nor fragment'
    >>> url_fault("https://witness.example/add")
    """
    if len(url) > LONGEST_URL or not re.fullmatch(r"[!-~]+", url):
        return f"a URL has at most {LONGEST_URL} printable ASCII characters"
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.scheme not in ("https", "http"):
        return "it is not an HTTP URL"
    if parts.username is not None or parts.fragment:
        return "the URL must have neither user nor fragment"
    return None


def refusal(address: str, allowed: Collection[Network], *, encrypted: bool) -> str | None:
    """Return why sending to an address is refused; None if it is allowed.

    Args:
        address: The address from the socket.
        allowed: Networks that are allowed although they are not public, also without TLS.
        encrypted: Whether the connection is encrypted.

    >>> refusal("169.254.169.254", (), encrypted=True)
    'the address 169.254.169.254 is not public'
    >>> refusal("93.184.216.34", (), encrypted=True)
    >>> refusal("93.184.216.34", (), encrypted=False)
    'the address 93.184.216.34 requires https'
    """
    found = ip_address(address)
    if any(found in network for network in allowed):
        return None
    if not _is_public(found):
        return f"the address {found} is not public"
    if not encrypted:
        return f"the address {found} requires https"
    return None


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return False
    refused = found.is_multicast or found.is_reserved or found.is_unspecified
    return found.is_global and not refused and not any(found in network for network in _NEVER)

"""Which addresses may be sent to: public ones, and those of networks that the settings name.

Whoever may make a webhook must not reach through this process what only its own network should:
metadata services, databases, admin pages (server-side request forgery).
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from pedigree.settings import Network

# Public as Python sees it, and yet no strangers: forms that carry an IPv4 address, which whoever
# routes them takes out again (6to4, Teredo, NAT64), what is reserved for protocols, where Oracle's
# cloud serves its machines, and the address at which Azure does so.
_NEVER = tuple(
    map(
        ip_network,
        (
            *("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10"),
            *("192.0.0.0/24", "168.63.129.16/32"),
        ),
    )
)


def refusal(address: str, allowed: Collection[Network], *, encrypted: bool) -> str | None:
    """Say why nothing may be sent to an address; None where it may.

    Args:
        address: As the socket tells it.
        allowed: Networks that may be sent to though they are not public, also without TLS.
        encrypted: What is sent is encrypted.

    >>> refusal("169.254.169.254", (), encrypted=True)
    'the address 169.254.169.254 is not public'
    >>> refusal("93.184.216.34", (), encrypted=True)
    >>> refusal("93.184.216.34", (), encrypted=False)
    'the address 93.184.216.34 is sent to by https alone'
    """
    found = ip_address(address)
    if any(found in network for network in allowed):
        return None
    if not _is_public(found):
        return f"the address {found} is not public"
    if not encrypted:
        return f"the address {found} is sent to by https alone"
    return None


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return False
    refused = found.is_multicast or found.is_reserved or found.is_unspecified
    return found.is_global and not refused and not any(found in network for network in _NEVER)

"""What a provider says of itself: its discovery document, fetched over a guarded connection.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from pedigree._setting_lists import Network
from pedigree.access.oidc.judgement import is_guarded, is_here
from pedigree.access.oidc.providers import Provider
from pedigree.egress.fetch import fetch

TIMEOUT_S = 5.0

_DISCOVERY = "/.well-known/openid-configuration"
_MOST_DISCOVERY_BYTES = 64 << 10
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def discovered(provider: Provider) -> Mapping[str, Any]:
    """Return the discovery document of a provider.

    Raises:
        OSError: The provider does not answer in time.
        ValueError: The document is not JSON, or is that of another issuer.
    """
    url = provider.issuer.rstrip("/") + _DISCOVERY
    found = from_json(document(provider, url, _MOST_DISCOVERY_BYTES))
    if not isinstance(found, dict) or found.get("issuer") != provider.issuer:
        raise ValueError("its discovery document names another issuer")
    return found


def is_address(url: object, provider: Provider) -> bool:
    """Return whether a value of the document is an address as guarded as the issuer's own."""
    if not isinstance(url, str) or not is_guarded(url):
        return False
    return url.startswith("https:") or not provider.issuer.startswith("https:")


def allowed_networks(provider: Provider) -> Collection[Network]:
    """Return the networks in which a provider may be although they are not public."""
    # Only the issuer of a test or a trial is on this machine, which the file then says.
    is_local = is_here(urlsplit(provider.issuer).hostname or "")
    return (*provider.networks, *(_LOOPBACK if is_local else ()))


def document(provider: Provider, url: str, most_bytes: int) -> bytes:
    """Return a document of a provider.

    Raises:
        OSError: The provider does not answer in time.
    """
    headers = {}
    if provider.bearer_file is not None and url.startswith("https:"):
        # Read at each use: the cluster replaces it.
        headers["Authorization"] = f"Bearer {provider.bearer_file.read_text().strip()}"
    return fetch(
        url,
        allowed=allowed_networks(provider),
        timeout_s=TIMEOUT_S,
        most_bytes=most_bytes,
        headers=headers,
        ca_file=provider.ca_file,
    )

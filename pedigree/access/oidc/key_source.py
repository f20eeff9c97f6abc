"""Fetch the keys of a provider: discovery, then its key set, bounded in size and time.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

from ipaddress import ip_network
from urllib.parse import urlsplit

from pydantic_core import from_json

from pedigree.access.oidc.judgement import is_guarded, is_here
from pedigree.access.oidc.keys import KeysById, keys_in
from pedigree.access.oidc.providers import Provider
from pedigree.egress.fetch import fetch

_DISCOVERY = "/.well-known/openid-configuration"
_MOST_DISCOVERY_BYTES = 64 << 10
_MOST_KEY_BYTES = 256 << 10
_TIMEOUT_S = 5.0
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class KeysUnavailableError(Exception):
    """The keys of a provider could not be fetched; the message has no text of the provider."""


def fetch_keys(provider: Provider) -> KeysById:
    """Return the usable keys of a provider.

    Raises:
        KeysUnavailableError: It does not answer in time, or with no keys that can be used.
    """
    try:
        return keys_in(_key_set(provider), provider.name)
    except OSError as error:
        raise KeysUnavailableError(error.strerror or str(error)) from None
    except ValueError as error:
        message = str(error) if type(error) is ValueError else "it sent no JSON"
        raise KeysUnavailableError(message.partition(" at line ")[0]) from None


def _key_set(provider: Provider) -> bytes:
    if provider.jwks_file is not None:
        with provider.jwks_file.open("rb") as file:
            return file.read(_MOST_KEY_BYTES)
    found = from_json(
        _get(provider, provider.issuer.rstrip("/") + _DISCOVERY, _MOST_DISCOVERY_BYTES)
    )
    if not isinstance(found, dict) or found.get("issuer") != provider.issuer:
        raise KeysUnavailableError("its discovery document names another issuer")
    url = found.get("jwks_uri")
    if not isinstance(url, str) or not is_guarded(url) or _is_weaker(url, provider.issuer):
        raise KeysUnavailableError("the address of its keys is not https")
    return _get(provider, url, _MOST_KEY_BYTES)


def _is_weaker(url: str, issuer: str) -> bool:
    return issuer.startswith("https:") and not url.startswith("https:")


def _get(provider: Provider, url: str, most: int) -> bytes:
    headers = {}
    if provider.bearer_file is not None and url.startswith("https:"):
        # Read at each use: the cluster replaces it.
        headers["Authorization"] = f"Bearer {provider.bearer_file.read_text().strip()}"
    # Only the issuer of a test or a trial is on this machine, which the file then says.
    is_local = is_here(urlsplit(provider.issuer).hostname or "")
    return fetch(
        url,
        allowed=(*provider.networks, *(_LOOPBACK if is_local else ())),
        timeout_s=_TIMEOUT_S,
        most_bytes=most,
        headers=headers,
        ca_file=provider.ca_file,
    )

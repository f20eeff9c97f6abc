"""Fetch the keys of a provider: discovery, then its key set, bounded in size and time.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

from pedigree.access.oidc.discovery import discovered, document, is_address
from pedigree.access.oidc.keys import KeysById, keys_in
from pedigree.access.oidc.providers import Provider

_MOST_KEY_BYTES = 256 << 10


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
    url = discovered(provider).get("jwks_uri")
    if not isinstance(url, str) or not is_address(url, provider):
        raise KeysUnavailableError("the address of its keys is not https")
    return document(provider, url, _MOST_KEY_BYTES)

"""The issuers at which people sign in to the page: their addresses, and where forms may lead."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request

from pedigree.access.oidc.code_flow import SignInAddresses
from pedigree.access.oidc.providers import Provider
from pedigree.errors import ProviderUnavailableError
from pedigree.server.web.rendering import policy
from pedigree.server.web.web_sessions import BrowserSession

_KNOWN_S = 600.0
_FAILED_S = 10.0


class _KnownIssuer(NamedTuple):
    until: float
    found: SignInAddresses | ProviderUnavailableError


class Issuers:
    """The providers with which people sign in, as their discovery documents describe them.

    Args:
        providers: The providers, by their names.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self.providers = providers
        self._known: dict[str, _KnownIssuer] = {}

    def addresses(self, provider: Provider) -> SignInAddresses:
        """Return the addresses of a provider; fetches them if they are old. Call it in a thread.

        Raises:
            ProviderUnavailableError: It does not answer, or cannot be used.
        """
        known = self._known.get(provider.name)
        if known is None or time.monotonic() > known.until:
            known = self._known[provider.name] = self._asked(provider)
        if isinstance(known.found, ProviderUnavailableError):
            raise known.found
        return known.found

    def origins(self, name: str | None) -> tuple[str, ...]:
        """Return where the forms for a provider may lead, as far as its addresses are known."""
        known = None if name is None else self._known.get(name)
        return known.found.origins if known and isinstance(known.found, SignInAddresses) else ()

    def _asked(self, provider: Provider) -> _KnownIssuer:
        try:
            found = SignInAddresses.of(provider)
        except ProviderUnavailableError as error:
            return _KnownIssuer(time.monotonic() + _FAILED_S, error)
        return _KnownIssuer(time.monotonic() + _KNOWN_S, found)


def policy_for(request: Request, session: BrowserSession | None) -> dict[str, str]:
    """Return the policy of a page of a session: its form signs out at the issuer as well."""
    if session is None or session.provider is None:
        return {}
    issuers: Issuers = request.app.state.issuers
    return {"Content-Security-Policy": policy(issuers.origins(session.provider))}

"""Tokens of OIDC providers in a worker: whose they are, and what is wrong with the providers."""

from collections.abc import Mapping
from concurrent.futures import Executor

from starlette.requests import Request

from pedigree.access.oidc.attempts import SignInAttempt
from pedigree.access.oidc.claims import Claims
from pedigree.access.oidc.code_flow import IssuedTokens, as_client, require_of_attempt
from pedigree.access.oidc.identities import Identity, identity_of
from pedigree.access.oidc.login_offers import LoginOffers
from pedigree.access.oidc.provider_file import Providers
from pedigree.access.oidc.providers import Provider, TokenUse
from pedigree.access.oidc.refusals import InvalidTokenError
from pedigree.access.oidc.verification import unverified, verified
from pedigree.access.principal import Principal
from pedigree.server.http.named_people import named_identity
from pedigree.server.oidc_keys import ProviderKeys
from pedigree.server.people import PeopleOfProviders


class OidcTokens:
    """The tokens of all providers of the file.

    Args:
        providers: The providers.
        threads: Where keys are fetched.
        people: Whose tokens they are.
    """

    def __init__(self, providers: Providers, threads: Executor, people: PeopleOfProviders) -> None:
        self._providers = providers
        self._people = people
        self._keys: Mapping[str, ProviderKeys] = {
            each.name: ProviderKeys(each, threads) for each in providers.providers
        }

    @property
    def offers(self) -> LoginOffers:
        """The providers with which people log in."""
        return self._providers.offers

    @property
    def of_pages(self) -> Mapping[str, Provider]:
        """The providers with which people sign in to the web page, by their names."""
        return {
            each.name: each for each in self._providers.providers if each.page_client is not None
        }

    def start(self) -> None:
        """Begin to fetch the keys of all providers; call it inside the event loop."""
        for keys in self._keys.values():
            keys.refresh()

    async def principal(self, text: str) -> Principal:
        """Return the principal of a bearer token.

        Raises:
            InvalidTokenError: It is not valid.
            NoRuleError: Its claims meet no rule, or give nobody a name.
            NoPrincipalError: The name that it gives its bearer belongs to somebody else.
            EndedTokenError: Its rights were ended before it expired.
            ProviderUnavailableError: No key of its provider is known, which does not answer.
        """
        return await self._people.principal(await self.identity(text, TokenUse.BEARER))

    async def named(self, request: Request) -> Principal | None:
        """Return the principal whom the proxy of the file names; None if it names nobody.

        Raises:
            NotAuthenticatedError: The header or the secret is not what the proxy sends.
            RefusedTokenError: Whom it names meets no rule, or is not let in.
        """
        proxy = self._providers.proxy
        found = None if proxy is None else named_identity(request, proxy)
        return None if found is None else await self._people.principal(found)

    async def identity(self, text: str, use: TokenUse) -> Identity:
        """Return who a token stands for.

        Args:
            text: The token.
            use: What it is sent for; a provider's tokens are for one use only.

        Raises:
            InvalidTokenError: It is not valid.
            NoRuleError: Its claims meet no rule, or give nobody a name.
            ProviderUnavailableError: No key of its provider is known, which does not answer.
        """
        token = unverified(text)
        provider = self._providers.of(token.issuer, use)
        if provider is None:
            raise InvalidTokenError("no provider for this use has the issuer of the token")
        return identity_of(await self._claims(text, provider), provider)

    async def signed_in(
        self, provider: Provider, issued: IssuedTokens, attempt: SignInAttempt
    ) -> Identity:
        """Return who signed in at a provider.

        Args:
            provider: The provider.
            issued: What it gave for the code.
            attempt: The attempt of the browser.

        Raises:
            LoginFailedError: The tokens are of another attempt, or of two people.
            InvalidTokenError: One of them is not valid.
            NoRuleError: The claims meet no rule, or give nobody a name.
            ProviderUnavailableError: No key of the provider is known, which does not answer.
        """
        id_claims = await self._claims(issued.id_token, as_client(provider))
        claims = await self._claims(issued.access_token, provider)
        require_of_attempt(id_claims, claims, attempt)
        return identity_of(claims, provider)

    async def _claims(self, text: str, provider: Provider) -> Claims:
        token = unverified(text)
        keys = await self._keys[provider.name].find(token.key_id)
        return verified(token, keys, provider)

    def problems(self) -> dict[str, str]:
        """Return what is wrong with providers, by their names; looks again if it is time."""
        for keys in self._keys.values():
            if keys.problem is not None:
                keys.refresh()
        return {name: keys.problem for name, keys in self._keys.items() if keys.problem}

"""Tokens of OIDC providers in a worker: whose they are, and what is wrong with the providers."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import Executor

from pedigree.access.held import Held
from pedigree.access.oidc.identities import Identity, identity_of
from pedigree.access.oidc.login_offers import LoginOffers
from pedigree.access.oidc.providers import Providers, TokenUse
from pedigree.access.oidc.refusals import InvalidTokenError
from pedigree.access.oidc.verification import unverified, verified
from pedigree.access.principal import Principal
from pedigree.audit.records import Actor
from pedigree.server.oidc_keys import ProviderKeys


class OidcTokens:
    """The tokens of all providers of the file.

    Args:
        providers: The providers.
        threads: Where keys are fetched.
        find_held: Returns what a principal holds, with these roles of their token.
    """

    def __init__(
        self,
        providers: Providers,
        threads: Executor,
        find_held: Callable[[str, Collection[str]], Awaitable[Held]],
    ) -> None:
        self._providers = providers
        self._find_held = find_held
        self._keys: Mapping[str, ProviderKeys] = {
            each.name: ProviderKeys(each, threads) for each in providers.providers
        }

    @property
    def offers(self) -> LoginOffers:
        """The providers with which people log in."""
        return self._providers.offers

    def start(self) -> None:
        """Begin to fetch the keys of all providers; call it inside the event loop."""
        for keys in self._keys.values():
            keys.refresh()

    async def principal(self, text: str) -> Principal:
        """Return the principal of a bearer token.

        Raises:
            InvalidTokenError: It is not valid.
            NoRuleError: Its claims meet no rule, or give nobody a name.
            ProviderUnavailableError: No key of its provider is known, which does not answer.
        """
        found = await self.identity(text, TokenUse.BEARER)
        held = await self._find_held(found.principal, found.roles)
        rule = f"rule {found.rule} of the provider {found.provider}"
        return Principal(
            actor=Actor(name=found.principal, source=f"oidc {found.provider}"),
            # What the rule gives, and what the principal is granted.
            grants=(*held.carried(found.models, rule), *held.granted),
            groups=held.groups,
            reads_store=False,
            expires_at=found.expires_at,
        )

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
        keys = await self._keys[provider.name].find(token.key_id)
        return identity_of(verified(token, keys, provider), provider)

    def problems(self) -> dict[str, str]:
        """Return what is wrong with providers, by their names; looks again if it is time."""
        for keys in self._keys.values():
            if keys.problem is not None:
                keys.refresh()
        return {name: keys.problem for name, keys in self._keys.items() if keys.problem}

"""The keys of a provider in a worker: fetched once, again when they are old or one is unknown."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor

from pedigree.access.oidc.key_source import KeysUnavailableError, fetch_keys
from pedigree.access.oidc.keys import KeysById, VerificationKey
from pedigree.access.oidc.providers import Provider
from pedigree.errors import ProviderUnavailableError

_LOG = logging.getLogger(__name__)

# Anybody can send a token with an unknown key id, so this bounds what the provider gets of it.
FETCH_INTERVAL_S = 30.0
# A key that the provider withdrew is not trusted for longer, as long as the provider answers.
_MOST_AGE_S = 600.0


class ProviderKeys:
    """The keys of one provider; used on the event loop alone.

    Args:
        provider: The provider.
        threads: Where it fetches.
        clock: Seconds that go on.
    """

    def __init__(
        self,
        provider: Provider,
        threads: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.problem: str | None = None
        self._threads = threads
        self._clock = clock
        self._keys: KeysById = {}
        self._begun: float | None = None
        self._fetched: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> tuple[VerificationKey, ...]:
        """Return the keys of an id; fetches them if it is unknown, at most every 30 seconds.

        Raises:
            ProviderUnavailableError: No key is known at all, and the provider does not answer.
        """
        found = self._keys.get(kid)
        if found is None:
            self.refresh()
            if self._fetching is not None:
                # One caller that goes away must not end the fetch for the others.
                await asyncio.shield(self._fetching)
            found = self._keys.get(kid, ())
        elif self._fetched is not None and self._clock() - self._fetched > _MOST_AGE_S:
            self.refresh()
        if not found and not self._keys and self.problem:
            raise ProviderUnavailableError(
                f"the keys of the provider {self.provider.name} are not known: {self.problem}",
                field="Authorization",
                remedy=f"Try again in {FETCH_INTERVAL_S:g} seconds",
            )
        return found

    def refresh(self) -> None:
        """Begin to fetch, unless it did so within the last 30 seconds."""
        now = self._clock()
        if self._begun is not None and now - self._begun < FETCH_INTERVAL_S:
            return
        if self._fetching is None:
            self._begun = now
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._keys = await loop.run_in_executor(self._threads, fetch_keys, self.provider)
            self._fetched, self.problem = self._clock(), None
        except KeysUnavailableError as error:
            self.problem = str(error)
            _LOG.warning(
                "the keys of the provider %s could not be fetched: %s",
                self.provider.name,
                error,
                extra={"action": "oidc.unreachable", "provider": self.provider.name},
            )
        finally:
            self._fetching = None

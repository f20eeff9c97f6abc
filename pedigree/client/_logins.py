"""Logins of this user: one for each service, and the token of a request from it.

Refresh tokens rotate, and the reuse of an old one ends the whole login. So one process at a time
refreshes, reads what is kept again before it does, and replaces it at once.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pedigree.access.oidc.login_offers import LoginOffer
from pedigree.client._identity_provider import IdentityProvider, TokenRefusal, failed
from pedigree.client._kept_logins import KeptLogin
from pedigree.errors import LoginFailedError, NotAuthenticatedError

# A new token is asked for before the old one expires.
_MARGIN_S = 30.0


class Login:
    """The login at one service.

    Args:
        url: The service.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        named = hashlib.sha256(url.encode()).hexdigest()
        self._kept_login = KeptLogin(_folder() / f"{named}.json")
        self._known: Mapping[str, Any] | None = None

    @property
    def exists(self) -> bool:
        """Whether somebody is logged in."""
        return self._kept_login.exists

    @property
    def place(self) -> str:
        """Where it is kept, for people."""
        return self._kept_login.place

    def keep(self, offer: LoginOffer, answered: Mapping[str, Any]) -> None:
        """Keep what the provider answered.

        Raises:
            LoginFailedError: The file cannot be written.
        """
        try:
            with self._kept_login.locked():
                self._kept_login.write(self._kept(offer, answered))
        except OSError as error:
            raise failed(f"it cannot be kept: {error.strerror}", "Set XDG_CONFIG_HOME") from error

    def token(self) -> str:
        """Return a token that is valid now.

        Raises:
            NotAuthenticatedError: Nobody is logged in, or the provider ended the login.
            UnavailableError: The provider does not answer.
        """
        if self._known is None or not _is_fresh(self._known):
            with self._kept_login.locked():
                self._known = self._read_or_refreshed()
        return str(self._known["access_token"])

    def end(self) -> bool | None:
        """Revoke the login at the provider and forget it.

        Returns:
            Whether the provider revoked it; None if nobody was logged in.

        Raises:
            LoginFailedError: The provider refuses; the login is forgotten all the same.
            NotAuthenticatedError: The keyring does not give it; it is forgotten all the same.
            UnavailableError: The provider does not answer; the login is forgotten all the same.
        """
        if not self.exists:
            return None
        with self._kept_login.locked():
            try:
                kept = self._kept_login.read()
            finally:
                self._kept_login.remove()
        if kept is None:
            return None
        offer = LoginOffer.model_validate(kept["offer"])
        return IdentityProvider.of(offer).revoke(kept.get("refresh_token") or kept["access_token"])

    def _read_or_refreshed(self) -> Mapping[str, Any]:
        kept = self._kept_login.read()
        if kept is None:
            raise self._ended("nobody is logged in")
        if _is_fresh(kept):
            return kept
        if not kept.get("refresh_token"):
            raise self._ended("the login has expired")
        offer = LoginOffer.model_validate(kept["offer"])
        provider = IdentityProvider.of(offer)
        answer = provider.ask(
            provider.token,
            grant_type="refresh_token",
            refresh_token=str(kept["refresh_token"]),
            resource=offer.audience,
        )
        if isinstance(answer, TokenRefusal):
            self._kept_login.remove()
            raise self._ended("the provider ended the login")
        renewed = self._kept(offer, {"refresh_token": kept["refresh_token"], **answer})
        self._kept_login.write(renewed)
        return renewed

    def _kept(self, offer: LoginOffer, answered: Mapping[str, Any]) -> Mapping[str, Any]:
        lifetime = answered.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 300.0
        return {
            "service": self._url,
            "offer": offer.model_dump(mode="json"),
            "access_token": str(answered["access_token"]),
            "refresh_token": answered.get("refresh_token"),
            "expires_at": time.time() + seconds,
        }

    def _ended(self, message: str) -> NotAuthenticatedError:
        return NotAuthenticatedError(
            f"{message} at {self._url}", field="login", remedy=f"Run `pedigree login {self._url}`"
        )


def login_of(url: str) -> Login | None:
    """Return the login at a service; None if nobody is logged in there."""
    try:
        login = Login(url)
    except RuntimeError:  # there is no home
        return None
    return login if login.exists else None


def required_login(url: str) -> Login:
    """Return a login at a service, which may be new.

    Raises:
        LoginFailedError: There is no home to keep it in.
    """
    try:
        return Login(url)
    except RuntimeError as error:
        raise LoginFailedError(
            "there is no home to keep it in", field="login", remedy="Set XDG_CONFIG_HOME"
        ) from error


def _is_fresh(kept: Mapping[str, Any]) -> bool:
    return float(kept["expires_at"]) > time.time() + _MARGIN_S


def _folder() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "pedigree" / "logins"

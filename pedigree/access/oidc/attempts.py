"""Attempts to sign in: what a browser keeps while its person is at their provider.

One secret in the browser's cookie makes all that must not be guessed. So nothing is stored for
somebody whom nobody knows yet.
"""

import hmac
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from typing import NamedTuple, Self

LIFETIME_S = 600
"""How long the answer of a provider may take."""

# Clocks of two machines of a service differ by some seconds.
_SKEW_S = 30
_COOKIE = re.compile(
    r"([A-Za-z0-9_-]{43})\.([0-9]{1,12})\.([a-z0-9_-]{1,64})\.([A-Za-z0-9_=-]{0,1400})"
)


class SignInAttempt(NamedTuple):
    """An attempt of one browser.

    Attributes:
        secret: 256 random bits.
        began_at: When it began, in seconds since 1970.
        provider: The name of the provider.
        way_back: The path to which the sign-in leads.
    """

    secret: str
    began_at: int
    provider: str
    way_back: str

    @classmethod
    def new(cls, provider: str, way_back: str) -> Self:
        """Begin an attempt."""
        return cls(secrets.token_urlsafe(32), int(time.time()), provider, way_back)

    @classmethod
    def of_cookie(cls, cookie: str) -> Self | None:
        """Return the attempt of a browser's cookie; None if it is none of ours, or too old."""
        match = _COOKIE.fullmatch(cookie)
        if match is None or not -_SKEW_S <= time.time() - int(match[2]) <= LIFETIME_S:
            return None
        try:
            way_back = urlsafe_b64decode(match[4]).decode()
        except (Error, ValueError):
            return None
        return cls(match[1], int(match[2]), match[3], way_back)

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        way_back = urlsafe_b64encode(self.way_back.encode()).decode()
        return f"{self.secret}.{self.began_at}.{self.provider}.{way_back}"

    @property
    def state(self) -> str:
        """What the provider's answer repeats (RFC 6749)."""
        return self._made("state")

    @property
    def nonce(self) -> str:
        """What the ID token repeats."""
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        """What the code is redeemed with (RFC 7636)."""
        return self._made("verifier")

    def _made(self, purpose: str) -> str:
        """Return a text that nobody can guess without the secret; each part of it counts."""
        content = f"{purpose} {self.cookie}".encode()
        made = hmac.digest(self.secret.encode(), content, "sha256")
        return urlsafe_b64encode(made).decode().rstrip("=")

"""Tokens of forms: only a page of ours that was made for this browser can send one.

A token is a keyed hash of the browser's cookie. It is masked with random bytes in every answer,
since pages are compressed together with what a caller sent: without the mask the size of answers
would give it away (https://www.breachattack.com).
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from pedigree.errors import NotPermittedError

FIELD = "form_token"
"""The name of the field of a form that has the token."""

KEY_FIELD = "form_key"
"""The name of the field of a form that has its idempotency key."""

PLACE = f"form-token-{secrets.token_hex(16)}"
"""What stands for the token while a page is rendered; nobody outside of the process knows it."""

_BYTES = hashlib.sha256().digest_size


def new_key() -> str:
    """Return the idempotency key of a new form."""
    return secrets.token_urlsafe(16)


class FormKey:
    """Makes and verifies the tokens of one browser.

    Args:
        cookie: The secret of the browser's cookie.
    """

    def __init__(self, cookie: str) -> None:
        self._hash = hmac.digest(cookie.encode(), b"pedigree form", "sha256")

    def token(self) -> str:
        """Return a token; each call returns another text."""
        mask = secrets.token_bytes(_BYTES)
        return urlsafe_b64encode(mask + _xor(mask, self._hash)).decode()

    def require(self, given: str | None) -> None:
        """Require that a token is of this browser.

        Raises:
            NotPermittedError: It is missing, or of another browser or session.
        """
        try:
            known = urlsafe_b64decode((given or "").encode())
        except (Error, ValueError):
            known = b""
        mask, masked = known[:_BYTES], known[_BYTES:]
        if len(known) != 2 * _BYTES or not hmac.compare_digest(_xor(mask, masked), self._hash):
            raise NotPermittedError(
                "the form was not made for this session",
                field=FIELD,
                remedy="Open the page again, and send the form from there",
            )


def _xor(mask: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, other, strict=True))

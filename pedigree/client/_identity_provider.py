"""The provider of a login: what it says of itself, and requests for tokens (RFC 6749).

Everything the provider sends is judged: a document of another issuer, an address without TLS, or an
answer without a token is refused.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from pedigree.access.oidc.login_offers import LoginOffer
from pedigree.errors import LoginFailedError, ServiceUnavailableError

if TYPE_CHECKING:
    import httpx2

_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT_S = 15.0
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


class TokenRefusal(NamedTuple):
    """The provider refuses a request for tokens."""

    error: str
    """The error code of OAuth."""


class IdentityProvider(NamedTuple):
    """A provider's addresses."""

    offer: LoginOffer
    authorization: str | None
    token: str
    device: str | None
    revocation: str | None
    states_issuer: bool
    """It names itself in the answer to a browser (RFC 9207)."""

    @classmethod
    def of(cls, offer: LoginOffer) -> Self:
        """Read the discovery document of a provider.

        Raises:
            LoginFailedError: The document is not the provider's own, or has an address without TLS.
            ServiceUnavailableError: The provider does not answer.
        """
        url = f"{offer.issuer.rstrip('/')}{_DISCOVERY}"
        require_tls(url)
        found = _json(_send("GET", url))
        if found.get("issuer") != offer.issuer:
            raise failed("the discovery document names another issuer")
        addresses = {
            name: found.get(f"{name}_endpoint")
            for name in ("authorization", "token", "device_authorization", "revocation")
        }
        for address in addresses.values():
            if address is not None:
                require_tls(str(address))
        if addresses["token"] is None:
            raise failed("the provider has no endpoint for tokens")
        return cls(
            offer,
            addresses["authorization"],
            str(addresses["token"]),
            addresses["device_authorization"],
            addresses["revocation"],
            found.get("authorization_response_iss_parameter_supported") is True,
        )

    def ask(self, url: str, **fields: str) -> dict[str, Any] | TokenRefusal:
        """Send a form in the name of the client, and return the answer.

        Raises:
            LoginFailedError: The answer is not JSON.
            ServiceUnavailableError: The provider does not answer.
        """
        form = {"client_id": self.offer.client_id, **fields}
        answer = _send("POST", url, form)
        if answer.is_success:
            return _json(answer)
        error = _json(answer).get("error")
        return TokenRefusal(error if isinstance(error, str) else str(answer.status_code))

    def revoke(self, token: str) -> bool:
        """Revoke a token; return whether the provider can.

        Raises:
            LoginFailedError: The provider refuses it.
            ServiceUnavailableError: The provider does not answer.
        """
        if self.revocation is None:
            return False
        form = {"client_id": self.offer.client_id, "token": token}
        answer = _send("POST", self.revocation, form)
        if not answer.is_success:
            raise failed(f"the provider answered {answer.status_code} to the revocation")
        return True


def require_tls(url: str) -> None:
    """Require that an address is of TLS, or of this machine.

    Raises:
        LoginFailedError: It is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return
    raise failed(f"the address {parts.scheme}://{parts.hostname} is not https")


def failed(message: str, remedy: str = "Ask the admin of the service") -> LoginFailedError:
    """Return the error of a login."""
    return LoginFailedError(message, field="login", remedy=remedy)


def _send(method: str, url: str, form: Mapping[str, str] | None = None) -> "httpx2.Response":
    import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it

    try:
        return httpx2.request(method, url, data=form, timeout=_TIMEOUT_S, follow_redirects=False)
    except httpx2.TransportError as error:
        raise ServiceUnavailableError(
            f"the provider {urlsplit(url).hostname} does not answer: {type(error).__name__}",
            remedy="Try again",
        ) from None


def _json(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise failed(f"the provider answered {answer.status_code} without JSON")
    return found

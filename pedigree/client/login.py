"""Log in to a service, and log out: what ``pedigree login`` and ``logout`` do."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import ValidationError

from pedigree.access.oidc.login_offers import LoginOffer, LoginOffers
from pedigree.client._connection import service_url
from pedigree.client._identity_provider import IdentityProvider, failed
from pedigree.client._login_flows import by_browser, by_device
from pedigree.client._logins import required_login
from pedigree.client._problems import error_of
from pedigree.contract.paths import LOGIN, PREFIX
from pedigree.errors import ServiceUnavailableError

if TYPE_CHECKING:
    import httpx2

_TIMEOUT_S = 15.0


def log_in(
    url: str,
    *,
    provider: str | None = None,
    audience: str | None = None,
    open_page: Callable[[str], object] | None,
    show_code: Callable[[str, str], object],
) -> str:
    """Log in to a service, and keep the login for this user.

    Args:
        url: The service.
        provider: The name of the provider, if the service has several.
        audience: The audience of the service's tokens, if it is not the URL of the service.
        open_page: Opens a URL in a browser of this machine; None without one.
        show_code: Shows a URL and a code that a person enters there, if there is no browser.

    Returns:
        Where the login is kept.

    Raises:
        LoginFailedError: The service has no such provider, or the provider or the person refuses.
        UnavailableError: The service or the provider does not answer.
    """
    service = service_url(url)
    login = required_login(service)
    offer = _chosen(_offers(service).offers, provider)
    _require_for(service, offer, audience)
    found = IdentityProvider.of(offer)
    answered = by_browser(found, open_page) if open_page else by_device(found, show_code)
    login.keep(offer, answered)
    return login.place


def log_out(url: str) -> bool | None:
    """Revoke the login at a service and forget it.

    Returns:
        Whether the provider revoked it; None if nobody was logged in.

    Raises:
        LoginFailedError: The provider refuses; the login is forgotten all the same.
        UnavailableError: The provider does not answer; the login is forgotten all the same.
    """
    return required_login(service_url(url)).end()


def _offers(service: str) -> LoginOffers:
    answer = _get(f"{service}{PREFIX}{LOGIN}")
    if not answer.is_success:
        raise error_of(answer)
    try:
        return LoginOffers.model_validate_json(answer.content)
    except ValidationError:
        raise failed(f"{service} says nothing of providers", "Check the URL") from None


def _get(url: str) -> "httpx2.Response":
    import httpx2  # noqa: PLC0415 -- takes a tenth of a second, and not every process needs it

    try:
        return httpx2.get(url, timeout=_TIMEOUT_S)
    except httpx2.TransportError as error:
        raise ServiceUnavailableError(
            f"there is no answer: {type(error).__name__}",
            field="url",
            value=url,
            remedy="Check that it runs and is reachable from here",
        ) from None


def _require_for(service: str, offer: LoginOffer, audience: str | None) -> None:
    """Refuse a service that asks for a token of another one, which it could then use there."""
    own, offered = urlsplit(service), urlsplit(offer.audience)
    is_own = offered.hostname is not None and offered.hostname == own.hostname
    if offer.audience != audience and not is_own:
        raise failed(
            f"the service asks for a token that is for another service, {offer.audience!r}",
            "If its admin says that this is its audience, name it by --audience",
        )


def _chosen(offers: tuple[LoginOffer, ...], name: str | None) -> LoginOffer:
    fitting = [each for each in offers if name in (None, each.provider)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(each.provider for each in offers)
    if not offers:
        raise failed("the service has no provider for logins", "Use a token; see docs/access.md")
    raise failed(
        "the service has several providers" if name is None else "there is no such provider",
        f"Choose by --provider from {known}",
    )

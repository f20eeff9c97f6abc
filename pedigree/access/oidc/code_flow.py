"""Sign in by an authorization code at a provider (OpenID Connect Core, RFC 7636, RFC 9207).

Whatever the provider or a browser sends is judged. No message has a text of either.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from typing import NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

from pydantic_core import from_json

from pedigree.access.oidc.attempts import SignInAttempt
from pedigree.access.oidc.claims import Claims
from pedigree.access.oidc.discovery import TIMEOUT_S, allowed_networks, discovered, is_address
from pedigree.access.oidc.providers import Provider
from pedigree.egress.fetch import post
from pedigree.errors import LoginFailedError, ProviderUnavailableError

_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 256 << 10
_AGAIN = "Sign in again"
# What the page never needs: it asks the provider again instead of keeping a token.
_LASTING = "offline_access"


class SignInAddresses(NamedTuple):
    """Where people sign in to a provider and out of it, and where codes are redeemed."""

    authorization: str
    token: str
    end_session: str | None
    states_issuer: bool
    """It names itself in its answer (RFC 9207)."""
    takes_secret_in_form: bool

    @classmethod
    def of(cls, provider: Provider) -> Self:
        """Read the discovery document of a provider.

        Raises:
            ProviderUnavailableError: It does not answer, or with a document that cannot be used.
        """
        try:
            found = discovered(provider)
        except OSError as error:
            raise _unavailable(provider, error.strerror or str(error)) from None
        except ValueError as error:
            reason = str(error) if type(error) is ValueError else "it sent no JSON"
            raise _unavailable(provider, reason.partition(" at line ")[0]) from None
        named = {
            name: found.get(f"{name}_endpoint")
            for name in ("authorization", "token", "end_session")
        }
        for name, address in named.items():
            if address is None and name == "end_session":
                continue
            if not is_address(address, provider):
                raise _unavailable(provider, f"the address of its {name}_endpoint is not https")
        methods = found.get("token_endpoint_auth_methods_supported")
        end = named["end_session"]
        return cls(
            str(named["authorization"]),
            str(named["token"]),
            None if end is None else str(end),
            found.get("authorization_response_iss_parameter_supported") is True,
            isinstance(methods, list) and "client_secret_post" in methods,
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins to which a form may lead."""
        addresses = [each for each in (self.authorization, self.end_session) if each]
        return tuple(dict.fromkeys(origin_of(each) for each in addresses))


class IssuedTokens(NamedTuple):
    """What a provider gives for a code."""

    access_token: str
    id_token: str


def origin_of(url: str) -> str:
    """Return the origin of an address.

    >>> origin_of("https://sso.example:8443/authorize?x=1")
    'https://sso.example:8443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def page_of(
    provider: Provider, addresses: SignInAddresses, attempt: SignInAttempt, redirect: str
) -> str:
    """Return the provider's page on which somebody signs in.

    Args:
        provider: The provider.
        addresses: Its addresses.
        attempt: The sign-in of this browser.
        redirect: Where the provider's answer comes to.
    """
    challenge = urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest())
    return with_query(
        addresses.authorization,
        {
            "response_type": "code",
            "client_id": str(provider.page_client),
            "redirect_uri": redirect,
            "scope": " ".join(each for each in provider.scopes if each != _LASTING),
            "resource": provider.audience,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        },
    )


def code_in(
    answer: Mapping[str, str],
    provider: Provider,
    addresses: SignInAddresses,
    attempt: SignInAttempt,
) -> str:
    """Return the code of the answer that a browser brings.

    Args:
        answer: The parameters, each of which it brings once.
        provider: The provider of the attempt.
        addresses: Its addresses.
        attempt: The attempt, by the browser's own cookie.

    Raises:
        LoginFailedError: The answer is of another attempt or provider, or is a refusal.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise refused("the answer belongs to another sign-in", "state")
    issuer = answer.get("iss")
    if issuer != provider.issuer and (issuer is not None or addresses.states_issuer):
        raise refused("the answer is of another provider", "iss")
    if "error" in answer:
        raise refused("the provider refused the sign-in", "error")
    if not answer.get("code"):
        raise refused("the answer has no code", "code")
    return answer["code"]


def redeemed(
    provider: Provider,
    addresses: SignInAddresses,
    attempt: SignInAttempt,
    code: str,
    redirect: str,
) -> IssuedTokens:
    """Redeem a code for tokens.

    Raises:
        LoginFailedError: The provider refuses it, or its answer lacks a token.
        ProviderUnavailableError: The provider does not answer.
    """
    client = str(provider.page_client)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "client_id": client,
        "code_verifier": attempt.verifier,
        "resource": provider.audience,
    }
    headers: dict[str, str] = {"Accept": "application/json"}
    if provider.web_secret_file is not None:
        # Read at each use, so that it can be replaced.
        secret = provider.web_secret_file.read_text().strip()
        if addresses.takes_secret_in_form:
            form["client_secret"] = secret
        else:
            both = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(both.encode()).decode()}"
    try:
        answer = post(
            addresses.token,
            urlencode(form).encode(),
            content_type=_FORM,
            allowed=allowed_networks(provider),
            timeout_s=TIMEOUT_S,
            most_bytes=_MOST_BYTES,
            headers=headers,
            ca_file=provider.ca_file,
        )
    except OSError as error:
        raise _unavailable(provider, error.strerror or str(error)) from None
    if answer.status != 200:
        raise refused(f"the provider answered {answer.status} to the code", "code")
    return _tokens_in(answer.body)


def require_of_attempt(id_claims: Claims, access_claims: Claims, attempt: SignInAttempt) -> None:
    """Require that verified tokens belong to an attempt, and to one person.

    Raises:
        LoginFailedError: They do not.
    """
    nonce = id_claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), attempt.nonce.encode()
    ):
        raise refused("the ID token belongs to another sign-in", "nonce")
    if id_claims.get("sub") != access_claims.get("sub"):
        raise refused("the tokens are of two people", "sub")


def as_client(provider: Provider) -> Provider:
    """Return a provider as it signs ID tokens: for the client of the page, and of another type."""
    client = str(provider.page_client)
    return provider.model_copy(
        update={
            "audience": client,
            "other_audiences": (),
            "authorized_parties": (client,),
            "types": ("JWT", "none"),
        }
    )


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return an address with further parameters."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def refused(message: str, field: str) -> LoginFailedError:
    """Return the error of a sign-in."""
    return LoginFailedError(message, field=field, remedy=_AGAIN)


def _tokens_in(body: bytes) -> IssuedTokens:
    try:
        found = from_json(body)
    except ValueError:
        found = None
    given = found if isinstance(found, dict) else {}
    for name in IssuedTokens._fields:
        if not isinstance(given.get(name), str):
            raise refused(f"the provider answered without {name}", name)
    return IssuedTokens(given["access_token"], given["id_token"])


def _unavailable(provider: Provider, reason: str) -> ProviderUnavailableError:
    return ProviderUnavailableError(
        f"the provider {provider.name} cannot be used: {reason}",
        field="provider",
        value=provider.name,
        remedy="Try again in a minute, or sign in by a token",
    )

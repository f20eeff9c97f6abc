"""Whether a token is one that a provider signed for us, and is valid now.

joserfc verifies the signature and compares times and audiences. What it leaves to its callers is
here: the length, ``typ``, ``azp``, audiences beside ours, and the largest lifetime.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from pedigree._values import KEY_BYTES
from pedigree.access.oidc.claims import Claims
from pedigree.access.oidc.keys import VerificationKey
from pedigree.access.oidc.providers import Algorithm, Provider
from pedigree.access.oidc.refusals import InvalidTokenError

MOST_TOKEN_BYTES = 16 << 10
"""The longest token; it is measured before anything of it is parsed."""

# Clocks differ by some seconds.
_LEEWAY_S = 30
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NO_TYPE = "none"


@dataclass(frozen=True)
class Unverified:
    """The parts of a token that say which key to use; nothing else of it is trusted."""

    text: str
    issuer: str
    key_id: str
    algorithm: Algorithm
    type: str


class _Registry(JWSRegistry):
    """joserfc's registry; providers put certificates and names into headers."""

    max_header_length = 8 << 10

    def get_alg(self, name: str) -> Any:
        """Return an algorithm of :class:`Algorithm`; joserfc's own warns of the name EdDSA."""
        return self.algorithms[Algorithm(name)]


def unverified(text: str) -> Unverified:
    """Return what a token says of itself.

    Raises:
        InvalidTokenError: It is no signed JSON Web Token, or is too long.
    """
    if len(text) > MOST_TOKEN_BYTES:
        raise InvalidTokenError(f"the token has more than {MOST_TOKEN_BYTES:,} characters")
    if not _FORM.fullmatch(text):
        raise InvalidTokenError("the token is not a signed JSON Web Token")
    header, claims = map(_object_in, text.split(".")[:2])
    kid, issuer, kind = header.get("kid"), claims.get("iss"), header.get("typ", _NO_TYPE)
    if header.keys() & {"crit", "b64"}:
        raise InvalidTokenError("the token has critical headers, which are not supported")
    if not isinstance(issuer, str) or not isinstance(kid, str) or not kid:
        raise InvalidTokenError("the token lacks iss or kid")
    if not isinstance(kind, str):
        raise InvalidTokenError("typ of the token is not a text")
    try:
        algorithm = Algorithm(str(header.get("alg")))
    except ValueError:
        raise InvalidTokenError("the algorithm of the token is not accepted") from None
    return Unverified(text, issuer, kid, algorithm, kind.lower().removeprefix("application/"))


def _object_in(part: str) -> dict[str, Any]:
    try:
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        raise InvalidTokenError("the token is not a signed JSON Web Token") from None
    if not isinstance(found, dict):
        raise InvalidTokenError("the token is not a signed JSON Web Token")
    return found


def verified(token: Unverified, keys: Sequence[VerificationKey], provider: Provider) -> Claims:
    """Return the claims of a valid token.

    Args:
        token: The token.
        keys: The keys of its ``kid``.
        provider: The provider with its issuer.

    Raises:
        InvalidTokenError: It is not valid.
    """
    if token.algorithm not in provider.algorithms:
        raise InvalidTokenError(f"the algorithm {token.algorithm} is not accepted")
    if token.type not in {each.lower() for each in provider.types}:
        raise InvalidTokenError("typ of the token is not accepted")
    fitting = [each.key for each in keys if token.algorithm in each.algorithms]
    claims = _signed(token, fitting)
    _require_times(claims, provider)
    _require_for_us(claims, provider)
    return claims


def _signed(token: Unverified, fitting: Sequence[Any]) -> dict[str, Any]:
    registry = _Registry(algorithms=[token.algorithm.value], strict_check_header=False)
    for key in fitting:
        try:
            return jwt.decode(token.text, key, [token.algorithm.value], registry).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
    raise InvalidTokenError("the signature of the token is not valid")


def _require_times(claims: dict[str, Any], provider: Provider) -> None:
    checks = jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_S, exp={"essential": True}, iat={"essential": True}
    )
    times: dict[str, Any] = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    try:
        checks.validate(times)
    except JoseError as error:
        raise InvalidTokenError(f"the token is not valid now ({error.description})") from None
    if not 0 < claims["exp"] - claims["iat"] <= provider.longest_lifetime.total_seconds():
        raise InvalidTokenError(
            f"the token lives longer than longest_lifetime of the provider {provider.name}"
        )


def _require_for_us(claims: dict[str, Any], provider: Provider) -> None:
    if claims.get("iss") != provider.issuer:
        raise InvalidTokenError("iss of the token is another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip() or not _is_short(subject):
        raise InvalidTokenError("sub of the token is not a name")
    _require_audience(claims, provider)
    party = claims.get("azp")
    if party is not None and party not in _parties(provider):
        raise InvalidTokenError(
            f"azp of the token is not in authorized_parties of the provider {provider.name}"
        )
    if "events" in claims:
        raise InvalidTokenError("the token is a message about events, such as a logout")
    if "cnf" in claims:
        raise InvalidTokenError("the token is bound to a key of its client, and no bearer token")


def _require_audience(claims: dict[str, Any], provider: Provider) -> None:
    given = claims.get("aud")
    named = given if isinstance(given, list) else [given]
    if provider.audience not in named:
        raise InvalidTokenError("aud of the token does not name this service")
    if any(each not in (provider.audience, *provider.other_audiences) for each in named):
        raise InvalidTokenError(
            f"aud of the token names others, not in other_audiences of the provider {provider.name}"
        )


def _parties(provider: Provider) -> tuple[str, ...]:
    named = provider.authorized_parties or (provider.audience,)
    clients = (provider.client_id, provider.web_client_id)
    return (*named, *(each for each in clients if each is not None))


def _is_short(text: str) -> bool:
    return text.isprintable() and len(text.encode(errors="replace")) <= KEY_BYTES

"""The keys of a provider: each is imported alone, so that an odd one locks nobody out.

Needs the extra ``server``; import it with :func:`pedigree.libraries.library`.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import JWKRegistry, Key
from pydantic_core import from_json

from pedigree.access.oidc.providers import Algorithm

_LOG = logging.getLogger(__name__)

_MOST_KEYS = 100
# Shorter keys can be broken; longer ones cost each verification milliseconds.
_RSA_BITS = range(2048, 8193)
_CURVES: Mapping[str, Algorithm] = {
    "secp256r1": Algorithm.ES256,
    "secp384r1": Algorithm.ES384,
    "secp521r1": Algorithm.ES512,
}
_OF_RSA = frozenset(each for each in Algorithm if each.value[:2] in ("RS", "PS"))


class VerificationKey(NamedTuple):
    """A public key, and the algorithms that fit it."""

    key: Key
    algorithms: frozenset[Algorithm]


KeysById: TypeAlias = Mapping[str, tuple[VerificationKey, ...]]
"""The usable keys by their ``kid``; several may have the same one."""


class UnusableKeyError(ValueError):
    """A key of a set cannot verify tokens."""


def keys_in(document: bytes, provider: str) -> KeysById:
    """Return the usable keys of a JSON Web Key Set.

    Args:
        document: The set.
        provider: The provider's name, for the log.

    Raises:
        ValueError: It is no key set, or has no usable key.
    """
    found = from_json(document)
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError(f"it sent no key set of at most {_MOST_KEYS} keys")
    usable: dict[str, tuple[VerificationKey, ...]] = {}
    for kid, key in _usable(listed, provider):
        usable[kid] = (*usable.get(kid, ()), key)
    if not usable:
        raise ValueError("it sent no usable key")
    return usable


def _usable(listed: list[Any], provider: str) -> Iterator[tuple[str, VerificationKey]]:
    for number, given in enumerate(listed):
        try:
            yield _imported(given)
        except UnusableKeyError as error:
            _LOG.warning(
                "left out key %d of the provider %s: %s",
                number + 1,
                provider,
                error,
                extra={"action": "oidc.key_left_out", "provider": provider},
            )


def _imported(given: Any) -> tuple[str, VerificationKey]:
    """Return a key with its id.

    Raises:
        UnusableKeyError: It cannot verify tokens.
    """
    if not isinstance(given, dict) or not isinstance(kid := given.get("kid"), str) or not kid:
        raise UnusableKeyError("it has no kid")
    if given.get("use", "sig") != "sig":
        raise UnusableKeyError("it is not for signatures")
    if "verify" not in given.get("key_ops", ["verify"]):
        raise UnusableKeyError("it is not for verification")
    if "d" in given:
        raise UnusableKeyError("its private part is published")
    try:
        key = JWKRegistry.import_key(given)
        public = key.raw_value
    # An unknown curve is a bare KeyError, a damaged number any error of the codec below.
    except Exception as error:
        raise UnusableKeyError(f"it cannot be read ({type(error).__name__})") from None
    algorithms = _fitting(public)
    if (only := given.get("alg")) is not None:
        algorithms = frozenset(each for each in algorithms if each.value == only)
    if not algorithms:
        raise UnusableKeyError("no accepted algorithm fits it")
    return kid, VerificationKey(key, algorithms)


def _fitting(public: object) -> frozenset[Algorithm]:
    match public:
        case rsa.RSAPublicKey():
            if public.key_size not in _RSA_BITS:
                raise UnusableKeyError(f"RSA of {public.key_size} bits is not accepted")
            return _OF_RSA
        case ec.EllipticCurvePublicKey():
            known = _CURVES.get(public.curve.name)
            return frozenset({known} if known else ())
        case ed25519.Ed25519PublicKey():
            return frozenset({Algorithm.EDDSA, Algorithm.ED25519})
    return frozenset()

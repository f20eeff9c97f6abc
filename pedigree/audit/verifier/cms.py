"""Signed messages of CMS (RFC 5652), as far as time stamps are made of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .der import INTEGER, OBJECT, OCTETS, SEQUENCE, SET, Element, Reader, encoded
from .hashes import UnverifiedLogError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_EXPLICIT, _FIRST, _SECOND = 0xA0, 0x80, 0xA1


def oid(text: str) -> bytes:
    """Return the content of an object identifier.

    >>> oid("1.2.840.113549").hex()
    '2a864886f70d'
    """
    first, second, *rest = map(int, text.split("."))
    content = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return bytes(content)


_SIGNED_DATA, _TST_INFO = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
_CERTIFICATE_V1 = oid("1.2.840.113549.1.9.16.2.12")
_CERTIFICATE_V2 = oid("1.2.840.113549.1.9.16.2.47")
SHA256 = oid("2.16.840.1.101.3.4.2.1")
_HASHES: Mapping[bytes, str] = {
    SHA256: "sha256",
    oid("2.16.840.1.101.3.4.2.2"): "sha384",
    oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
# The hash is that of the message where the algorithm names none.
_RSA: Mapping[bytes, str | None] = {
    oid("1.2.840.113549.1.1.1"): None,
    oid("1.2.840.113549.1.1.11"): "sha256",
    oid("1.2.840.113549.1.1.12"): "sha384",
    oid("1.2.840.113549.1.1.13"): "sha512",
}
_ECDSA: Mapping[bytes, str | None] = {
    oid("1.2.840.10045.4.3.2"): "sha256",
    oid("1.2.840.10045.4.3.3"): "sha384",
    oid("1.2.840.10045.4.3.4"): "sha512",
}
_ED25519 = oid("1.3.101.112")


class SignedMessage(NamedTuple):
    """The parts of a CMS message that count."""

    info: bytes
    certificates: tuple["Certificate", ...]
    signer: Element


def read_message(token: Element) -> SignedMessage:
    """Return the parts of the message of a time stamp.

    Raises:
        UnverifiedLogError: It is another one, or has several signers.
    """
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    parts = token.children()
    if parts.take(OBJECT).content != _SIGNED_DATA:
        raise UnverifiedLogError("the time stamp is not a signed message")
    data = parts.take(_EXPLICIT).children().take(SEQUENCE).children()
    data.take(INTEGER)
    data.take(SET)
    encapsulated = data.take(SEQUENCE).children()
    if encapsulated.take(OBJECT).content != _TST_INFO:
        raise UnverifiedLogError("the message is not one of a time stamp")
    info = encapsulated.take(_EXPLICIT).children().take(OCTETS).content
    certificates = data.find(_EXPLICIT)
    data.find(_SECOND)  # revocation lists
    signers = list(data.take(SET).children())
    data.end()
    if len(signers) != 1 or signers[0].tag != SEQUENCE:
        raise UnverifiedLogError("a time stamp has one signer")
    found = certificates.children() if certificates else ()
    return SignedMessage(
        info,
        tuple(load_der_x509_certificate(each.whole) for each in found if each.tag == SEQUENCE),
        signers[0],
    )


def require_signer(signed: SignedMessage) -> "Certificate":
    """Return the certificate whose key signed a message; whether it is trusted is not checked.

    Raises:
        UnverifiedLogError: The signature does not hold, or names another certificate.
    """
    parts = signed.signer.children()
    parts.take(INTEGER)
    certificate = _named(parts, signed.certificates)
    digest = hash_name(parts.take(SEQUENCE))
    attributes = parts.take(_EXPLICIT)
    algorithm = parts.take(SEQUENCE).children().take(OBJECT).content
    signature = parts.take(OCTETS).content
    found = _attributes(attributes)
    if found.get(_CONTENT_TYPE) != encoded(OBJECT, _TST_INFO):
        raise UnverifiedLogError("the signature is not one of a time stamp")
    if found.get(_DIGEST) != encoded(OCTETS, hashlib.new(digest, signed.info).digest()):
        raise UnverifiedLogError("the signature is one of another time stamp")
    _require_named(certificate, found)
    # What is signed has the tag of a set (RFC 5652, section 5.4).
    _require_signature(certificate, encoded(SET, attributes.content), signature, algorithm, digest)
    return certificate


def _named(parts: Reader, certificates: Sequence["Certificate"]) -> "Certificate":
    """Return the certificate that a signer names."""
    from cryptography.x509 import ExtensionNotFound, SubjectKeyIdentifier  # noqa: PLC0415

    if identifier := parts.find(_FIRST):
        for each in certificates:
            try:
                own = each.extensions.get_extension_for_class(SubjectKeyIdentifier).value
            except ExtensionNotFound:
                continue
            if own.digest == identifier.content:
                return each
    else:
        name = parts.take(SEQUENCE).children()
        issuer, serial = name.take(SEQUENCE).whole, name.take(INTEGER).integer()
        for each in certificates:
            if (each.issuer.public_bytes(), each.serial_number) == (issuer, serial):
                return each
    raise UnverifiedLogError("the reply lacks the certificate of its signer")


def _attributes(attributes: Element) -> dict[bytes, bytes]:
    """Return the only value of each signed attribute."""
    found: dict[bytes, bytes] = {}
    for attribute in attributes.children():
        parts = attribute.children()
        kind, values = parts.take(OBJECT).content, list(parts.take(SET).children())
        if len(values) != 1 or kind in found:
            raise UnverifiedLogError("a signed attribute has several values")
        found[kind] = values[0].whole
    return found


def _require_named(certificate: "Certificate", attributes: Mapping[bytes, bytes]) -> None:
    """Require that the signature is bound to a certificate (RFC 5816)."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    kind = _CERTIFICATE_V2 if _CERTIFICATE_V2 in attributes else _CERTIFICATE_V1
    named = Reader(attributes.get(kind, b"")).take(SEQUENCE).children().take(SEQUENCE).children()
    first = named.take(SEQUENCE).children()
    name = "sha1"
    if kind == _CERTIFICATE_V2:
        algorithm = first.find(SEQUENCE)
        name = hash_name(algorithm) if algorithm else "sha256"
    own = hashlib.new(name, certificate.public_bytes(Encoding.DER), usedforsecurity=False)
    if first.take(OCTETS).content != own.digest():
        raise UnverifiedLogError("the signature names another certificate")


def _require_signature(
    certificate: "Certificate", content: bytes, signature: bytes, algorithm: bytes, digest: str
) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415
        ec,
        ed25519,
        padding,
        rsa,
    )

    key: Any = certificate.public_key()
    chosen = (_RSA.get(algorithm) or _ECDSA.get(algorithm) or digest).upper()
    by: Any = getattr(hashes, chosen)()
    try:
        if algorithm in _RSA and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, content, padding.PKCS1v15(), by)
        elif algorithm in _ECDSA and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(by))
        elif algorithm == _ED25519 and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, content)
        else:
            raise UnverifiedLogError("the signature has an algorithm that is not known")
    except InvalidSignature as error:
        raise UnverifiedLogError("the signature of the time stamp is wrong") from error


def hash_name(algorithm: Element) -> str:
    """Return the name of a hash that counts as safe.

    Raises:
        UnverifiedLogError: It is another one.
    """
    name = _HASHES.get(algorithm.children().take(OBJECT).content)
    if name is None:
        raise UnverifiedLogError("a hash of the time stamp is not SHA-256, SHA-384 or SHA-512")
    return name

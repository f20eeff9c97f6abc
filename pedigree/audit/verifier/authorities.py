"""The certificates of authorities that stamp the time: chains to the trusted ones (RFC 5280)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .hashes import UnverifiedLogError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LONGEST_CHAIN = 8
_SAFE = ("sha256", "sha384", "sha512")
_PARSED = (
    *("2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.31", "2.5.29.32", "2.5.29.35", "2.5.29.37"),
    *("1.3.6.1.5.5.7.1.1",),
)
"""The extensions that are checked, or that restrict nothing: a critical other one is refused."""


def read_authorities(pem: bytes) -> tuple["Certificate", ...]:
    """Return the certificates of a PEM file.

    Raises:
        UnverifiedLogError: It has none, or one that cannot be read.
    """
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        raise UnverifiedLogError("the file has no certificates in PEM") from error


def require_authority(
    certificate: "Certificate",
    others: Sequence["Certificate"],
    trusted: Sequence["Certificate"],
    at: datetime,
) -> None:
    """Require that a certificate is one of an authority of time stamps, and is trusted at a time.

    Args:
        certificate: The certificate of the signer.
        others: Certificates that lead to a trusted one; they are not trusted themselves.
        trusted: The trusted certificates.
        at: The time.

    Raises:
        UnverifiedLogError: It is not.
    """
    _require_purpose(certificate)
    _require_valid(certificate, at)
    if not _leads(certificate, others, trusted, at, _LONGEST_CHAIN):
        name = certificate.subject.rfc4514_string()
        raise UnverifiedLogError(f"no trusted authority certified {name!r} at {at:%Y-%m-%d}")


def _leads(
    certificate: "Certificate",
    others: Sequence["Certificate"],
    trusted: Sequence["Certificate"],
    at: datetime,
    left: int,
) -> bool:
    if certificate in trusted:
        return True
    below = _LONGEST_CHAIN - left
    return left > 0 and any(
        _issued(certificate, issuer, at, below) and _leads(issuer, others, trusted, at, left - 1)
        for issuer in _distinct([*trusted, *others])
    )


def _distinct(certificates: Iterable["Certificate"]) -> list["Certificate"]:
    return list(dict.fromkeys(certificates))


def _issued(certificate: "Certificate", issuer: "Certificate", at: datetime, below: int) -> bool:
    """Return whether a certificate of an authority, which is valid at a time, issued another."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415

    if certificate.issuer != issuer.subject or issuer == certificate:
        return False
    try:
        by = certificate.signature_hash_algorithm
        if by is not None and by.name not in _SAFE:
            return False
        certificate.verify_directly_issued_by(issuer)
        _require_valid(issuer, at)
        return _may_certify(issuer, below)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False


def _may_certify(issuer: "Certificate", below: int) -> bool:
    """Return whether a certificate is of an authority that may have this many below it."""
    from cryptography.x509 import BasicConstraints, ExtensionNotFound, KeyUsage  # noqa: PLC0415

    extensions = issuer.extensions
    try:
        basic = extensions.get_extension_for_class(BasicConstraints).value
    except ExtensionNotFound:
        return False
    try:
        certifies = extensions.get_extension_for_class(KeyUsage).value.key_cert_sign
    except ExtensionNotFound:
        certifies = True
    is_short = basic.path_length is None or below <= basic.path_length
    return basic.ca and certifies and is_short


def _require_purpose(certificate: "Certificate") -> None:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415

    try:
        purpose = certificate.extensions.get_extension_for_class(ExtendedKeyUsage)
    except (ExtensionNotFound, ValueError) as error:
        raise UnverifiedLogError("the certificate is not one for time stamps") from error
    if not purpose.critical or list(purpose.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise UnverifiedLogError("the certificate is not one for time stamps alone (RFC 3161)")


def _require_valid(certificate: "Certificate", at: datetime) -> None:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        name = certificate.subject.rfc4514_string()
        raise UnverifiedLogError(f"the certificate {name!r} is not valid at {at:%Y-%m-%d}")
    for extension in certificate.extensions:
        if extension.critical and extension.oid.dotted_string not in _PARSED:
            oid = extension.oid.dotted_string
            raise UnverifiedLogError(f"the certificate has the critical extension {oid}")

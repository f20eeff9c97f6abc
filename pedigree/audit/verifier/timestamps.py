"""Time stamps of RFC 3161: requests, and the check of a reply offline.

A reply is a CMS message, with the certificates that its signature needs.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from .authorities import require_authority
from .cms import SHA256, hash_name, read_message, require_signer
from .der import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    OCTETS,
    SEQUENCE,
    TIME,
    Element,
    Reader,
    encoded,
    encoded_integer,
)
from .hashes import UnverifiedLogError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LARGEST_REPLY = 64 << 10
"""The most bytes of a reply: it has a few certificates."""
_GRANTED = (0, 1)


class TimeStamp(NamedTuple):
    """What a time stamp states."""

    at: datetime
    authority: str
    """The subject of the certificate that signed it."""
    nonce: int | None


def request_of(content: bytes, nonce: int) -> bytes:
    """Return a request for a time stamp of some bytes.

    Args:
        content: The bytes; their SHA-256 is sent.
        nonce: A random number that the reply must have.
    """
    algorithm = encoded(SEQUENCE, encoded(OBJECT, SHA256))
    imprint = encoded(SEQUENCE, algorithm, encoded(OCTETS, hashlib.sha256(content).digest()))
    wants_certificates = encoded(BOOLEAN, b"\xff")
    return encoded(
        SEQUENCE, encoded_integer(1), imprint, encoded_integer(nonce), wants_certificates
    )


def open_timestamp(
    reply: bytes, content: bytes, authorities: Sequence["Certificate"], nonce: int | None = None
) -> TimeStamp:
    """Return what the time stamp of some bytes states.

    Args:
        reply: The raw reply of the authority.
        content: The bytes.
        authorities: The trusted certificates.
        nonce: The number that the reply must have; any if None.

    Raises:
        UnverifiedLogError: The stamp is of other bytes, has another number, is not signed by a
            certificate for time stamps that a trusted one certified at its time, or has a form that
            is not known.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.x509 import DuplicateExtension, UnsupportedGeneralNameType  # noqa: PLC0415

    if len(reply) > LARGEST_REPLY:
        raise UnverifiedLogError(f"the reply has more than {LARGEST_REPLY:,} bytes")
    try:
        return _opened(reply, content, authorities, nonce)
    except UnverifiedLogError:
        raise
    except (
        *(ValueError, TypeError, OverflowError, UnsupportedAlgorithm),
        *(DuplicateExtension, UnsupportedGeneralNameType),
    ) as error:
        raise UnverifiedLogError("a part of the time stamp cannot be read") from error


def _opened(
    reply: bytes, content: bytes, authorities: Sequence["Certificate"], nonce: int | None
) -> TimeStamp:
    signed = read_message(_token(reply))
    found, at = _info(signed.info, content)
    if nonce is not None and found != nonce:
        raise UnverifiedLogError("the time stamp answers another request: its nonce differs")
    certificate = require_signer(signed)
    require_authority(certificate, signed.certificates, authorities, at)
    return TimeStamp(at, certificate.subject.rfc4514_string(), found)


def _token(reply: bytes) -> Element:
    """Return the message in a reply that grants the request."""
    reader = Reader(reply)
    parts = reader.take(SEQUENCE).children()
    reader.end()
    status = parts.take(SEQUENCE).children().take(INTEGER).integer()
    if status not in _GRANTED:
        raise UnverifiedLogError(f"the authority refused the request: its status is {status}")
    token = parts.take(SEQUENCE)
    parts.end()
    return token


def _info(info: bytes, content: bytes) -> tuple[int | None, datetime]:
    """Return the nonce and the time of a stamp of some bytes."""
    reader = Reader(info)
    parts = reader.take(SEQUENCE).children()
    reader.end()
    if parts.take(INTEGER).integer() != 1:
        raise UnverifiedLogError("the time stamp has another version than 1")
    parts.take(OBJECT)  # the policy of the authority
    imprint = parts.take(SEQUENCE).children()
    name = hash_name(imprint.take(SEQUENCE))
    if imprint.take(OCTETS).content != hashlib.new(name, content).digest():
        raise UnverifiedLogError("the time stamp is of something else: its imprint differs")
    parts.take(INTEGER)  # the serial number
    at = _time(parts.take(TIME).content)
    parts.find(SEQUENCE)  # the accuracy
    parts.find(BOOLEAN)
    nonce = parts.find(INTEGER)
    return nonce.integer() if nonce else None, at


def _time(content: bytes) -> datetime:
    found = re.fullmatch(rb"([0-9]{14})(?:\.([0-9]{1,6})[0-9]*)?Z", content)
    if found is None:
        raise UnverifiedLogError("the time of the stamp has another form")
    at = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return at.replace(microsecond=int((found[2] or b"0").ljust(6, b"0")))

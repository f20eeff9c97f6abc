"""Who attests checkpoints: witnesses and authorities of time stamps, as the settings name them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from pedigree._setting_lists import Network
from pedigree.audit.verifier.attestations import OutsideTrust
from pedigree.audit.verifier.authorities import read_authorities
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.policies import KnownWitness, WitnessPolicy
from pedigree.egress.addresses import url_fault
from pedigree.errors import InvalidInputError
from pedigree.settings import Settings, redact_url

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

WITNESSES = "PEDIGREE_AUDIT_WITNESSES"
AUTHORITIES = "PEDIGREE_AUDIT_TIMESTAMP_CA_FILE"
URLS = "PEDIGREE_AUDIT_TIMESTAMP_URLS"
# A bundle of all public authorities has less.
_LARGEST_FILE = 2 << 20

T = TypeVar("T")


class Reach(NamedTuple):
    """How attesters may be reached."""

    networks: Sequence[Network] = ()
    """Networks that are allowed although they are not public."""
    ca_file: Path | None = None
    """Certificates of authorities that are trusted besides those of the system, for TLS."""


class AttestedStore(Protocol):
    """The part of an object store that keeps what attesters state."""

    def create(self, key: str, content: bytes) -> bool:
        """Put some bytes under a key that has no object; False if it has one."""


class Attester(Protocol):
    """A witness, or an authority of time stamps."""

    @property
    def member(self) -> str:
        """Its name among the members of background work."""

    def is_due(self, interval: timedelta) -> bool:
        """Return whether the newest anchor lacks its statement, and the newest one is older."""

    def attest(self) -> int:
        """Ask for a statement about the newest anchor; return its size, or 0 if it has one."""


def trust_of(settings: Settings) -> OutsideTrust:
    """Return the witnesses and authorities that the settings name.

    Raises:
        InvalidInputError: A file cannot be read, or has a mistake.
    """
    if settings.audit_timestamp_urls and settings.audit_timestamp_ca_file is None:
        raise InvalidInputError(
            "it is required, since a time stamp without a trusted authority proves nothing",
            field=AUTHORITIES,
            remedy=f"Name a PEM file with the roots of the authorities of {URLS}",
        )
    for url in settings.audit_timestamp_urls:
        _require_url(url, URLS)
    policy = read_policy(settings.audit_witnesses, WITNESSES)
    for witness in asked(policy):
        _require_url(witness.url or "", WITNESSES)
    return OutsideTrust(policy, read_roots(settings.audit_timestamp_ca_file, AUTHORITIES))


def asked(policy: WitnessPolicy | None) -> list[KnownWitness]:
    """Return the witnesses of a policy that have a URL."""
    return [each for each in (policy.witnesses if policy else ()) if each.url is not None]


def read_policy(path: Path | None, field: str) -> WitnessPolicy | None:
    """Return the policy of a file; None without a file.

    Args:
        path: The file.
        field: The input that names it, as the caller spells it.

    Raises:
        InvalidInputError: It cannot be read, or has a mistake.
    """
    if path is None:
        return None
    return _read(path, field, lambda content: WitnessPolicy.parse(content.decode()))


def read_roots(path: Path | None, field: str) -> "tuple[Certificate, ...]":
    """Return the certificates of a PEM file; none without a file.

    Args:
        path: The file.
        field: The input that names it, as the caller spells it.

    Raises:
        InvalidInputError: It cannot be read, or has a mistake.
    """
    return () if path is None else _read(path, field, read_authorities)


def _read(path: Path, field: str, parse: Callable[[bytes], T]) -> T:
    try:
        with path.open("rb") as file:
            return parse(file.read(_LARGEST_FILE))
    except UnicodeDecodeError as error:
        raise InvalidInputError("the file is not text", field=field, value=str(path)) from error
    except (OSError, UnverifiedLogError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInputError(
            f"the file cannot be used: {reason}", field=field, value=str(path)
        ) from error


def _require_url(url: str, field: str) -> None:
    if wrong := url_fault(url):
        raise InvalidInputError(wrong, field=field, value=redact_url(url))

"""Cosignatures of witnesses, in the format of https://c2sp.org/tlog-cosignature.

A witness states that the log of a checkpoint extends every log of that name that it saw before.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .hashes import UnverifiedLogError
from .notes import NoteKey, NoteSignature, split_note

_COSIGNATURE = b"\x04"
_TIME_BYTES, _SIGNATURE_BYTES = 8, 64
_LATEST = (1 << 63) - 1


class WitnessKey(NamedTuple):
    """The public key of a witness."""

    name: str
    public: bytes

    @property
    def note_key(self) -> NoteKey:
        """The key with the type of its signatures."""
        return NoteKey(self.name, _COSIGNATURE, self.public)

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a cosignature names the key."""
        return self.note_key.key_id

    def __str__(self) -> str:
        return str(self.note_key)

    @classmethod
    def parse(cls, text: str) -> "WitnessKey":
        """Read a key as it is written.

        Raises:
            UnverifiedLogError: It is not an Ed25519 key of a witness.
        """
        found = NoteKey.parse(text, _COSIGNATURE, "a witness")
        return cls(found.name, found.public)

    def cosign(self, sign: Callable[[bytes], bytes], text: str, at: int) -> str:
        """Return the line of a cosignature.

        Args:
            sign: Signs by the private key.
            text: The text of the checkpoint.
            at: The time, in seconds since 1970.
        """
        time = at.to_bytes(_TIME_BYTES, "big")
        return self.note_key.line(time + sign(_cosigned(text, at)))

    def verify(self, found: NoteSignature, text: str) -> int:
        """Return the time of a cosignature of this key, in seconds since 1970.

        Args:
            found: The signature that names the key.
            text: The text of the checkpoint.

        Raises:
            UnverifiedLogError: It is not of this key, or has no time.
        """
        at = int.from_bytes(found.signature[:_TIME_BYTES], "big")
        has_form = len(found.signature) == _TIME_BYTES + _SIGNATURE_BYTES
        if not has_form or not 0 < at <= _LATEST:
            raise UnverifiedLogError(f"the cosignature of {self.name} has another form")
        self.note_key.verify(found.signature[_TIME_BYTES:], _cosigned(text, at))
        return at


class Cosignature(NamedTuple):
    """A cosignature that holds."""

    witness: WitnessKey
    at: int
    """The time that the witness states, in seconds since 1970."""
    line: str
    """Its line in the note."""


def open_cosignatures(note: str, witnesses: Iterable[WitnessKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures of known witnesses; those of others are ignored.

    Raises:
        UnverifiedLogError: One of a known witness does not hold, or the text is no signed note.
    """
    text, signatures = split_note(note)
    known = {(key.name, key.key_id): key for key in witnesses}
    found: dict[WitnessKey, Cosignature] = {}
    for each in signatures:
        if witness := known.get((each.name, each.key_id)):
            at = witness.verify(each, text)
            found.setdefault(witness, Cosignature(witness, at, each.line))
    return tuple(found.values())


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()

"""Signed checkpoints and proofs, in the formats of https://c2sp.org."""

import base64
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from .hashes import UnverifiedLogError, leaf_hash, require_inclusion

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_ED25519 = b"\x01"
_SIGNATURE = "\N{EM DASH} "
# A verifier must accept 16 signatures; 64 are more than a log with witnesses has.
_MOST_SIGNATURES = 64
_LONGEST_NOTE = 1 << 20


class LogKey(NamedTuple):
    """A public key of a log, written ``name+id+key`` as in https://c2sp.org/signed-note."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> "LogKey":
        """Read a key as it is written.

        Raises:
            UnverifiedLogError: It is not an Ed25519 key in that form.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        content = _decoded(encoded)
        key = cls(name, content[1:])
        if not name or content[:1] != _ED25519 or len(key.public) != 32:
            raise UnverifiedLogError(f"{text!r} is not an Ed25519 key of a log")
        if key.key_id.hex() != key_id:
            raise UnverifiedLogError(f"the id of the key {text!r} does not match")
        return key

    def verify(self, signature: bytes, text: str) -> None:
        """Require that a signature of a note's text is of this key.

        Raises:
            UnverifiedLogError: It is not.
        """
        # Here, because a client that only compares roots needs no `cryptography`.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise UnverifiedLogError(f"the signature of {self.name} is wrong") from error


class Checkpoint(NamedTuple):
    """The size and the root of a log (https://c2sp.org/tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def signature_line(key: LogKey, signature: bytes) -> str:
    """Return the line of a signature in a note."""
    return f"{_SIGNATURE}{key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def read_checkpoint(note: str) -> Checkpoint:
    """Return the checkpoint of a note without verifying a signature.

    Raises:
        UnverifiedLogError: It is not a checkpoint.
    """
    text, _ = _split(note)
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    checkpoint = Checkpoint(origin, _decimal(size), _decoded(root))
    if not origin or len(checkpoint.root) != 32 or not text.startswith(checkpoint.text()):
        raise UnverifiedLogError("the note is not a checkpoint")
    return checkpoint


def open_checkpoint(note: str, keys: Iterable[LogKey]) -> Checkpoint:
    """Return the checkpoint of a note that is signed by a known key.

    Raises:
        UnverifiedLogError: No known key signed it, a known key's signature is wrong, or the note is
            no checkpoint of the keys' log.
    """
    checkpoint = read_checkpoint(note)
    text, lines = _split(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed = False
    for line in lines:
        name, _, encoded = line.removeprefix(_SIGNATURE).partition(" ")
        content = _decoded(encoded)
        if key := known.get((name, content[:4])):
            key.verify(content[4:], text)
            signed = signed or key.name == checkpoint.origin
    if not signed:
        raise UnverifiedLogError(f"no known key of the log signed its size {checkpoint.size}")
    return checkpoint


def verify_proof(proof: str, event: bytes, keys: Iterable[LogKey]) -> tuple[int, Checkpoint]:
    """Verify that an event is in a log, by a file of https://c2sp.org/tlog-proof.

    Returns:
        The index of the event, and the checkpoint that includes it.

    Raises:
        UnverifiedLogError: The file, a signature or the proof is wrong.
    """
    head, _, note = proof.partition("\n\n")
    header, *lines = head.split("\n")
    if header != PROOF_HEADER or not lines:
        raise UnverifiedLogError("the file is not a tlog-proof@v1")
    if lines[0].startswith("extra "):
        del lines[0]
    word, _, index = lines[0].partition(" ") if lines else ("", "", "")
    if word != "index":
        raise UnverifiedLogError("the proof names no index")
    checkpoint = open_checkpoint(note, keys)
    hashes = [_decoded(line) for line in lines[1:]]
    leaf = leaf_hash(event)
    require_inclusion(leaf, _decimal(index), hashes, size=checkpoint.size, root=checkpoint.root)
    return _decimal(index), checkpoint


def _split(note: str) -> tuple[str, list[str]]:
    """Return the text of a note, and the lines of its signatures."""
    text, blank, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if (
        not (blank and signatures.endswith("\n") and len(note) <= _LONGEST_NOTE)
        or len(lines) > _MOST_SIGNATURES
        or not all(line.startswith(_SIGNATURE) for line in lines)
        or any(letter < " " and letter != "\n" for letter in note)
    ):
        raise UnverifiedLogError("the text is not a signed note")
    return text + "\n", lines


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or text != str(int(text[:20])):
        raise UnverifiedLogError(f"{text!r} is not a size")
    return int(text)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UnverifiedLogError(f"{text!r} is not base64") from error

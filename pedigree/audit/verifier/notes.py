"""Signed checkpoints and proofs, in the formats of https://c2sp.org."""

import base64
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from .hashes import UnverifiedLogError, leaf_hash, require_inclusion

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_ED25519 = b"\x01"
_SIGNATURE = "\N{EM DASH} "
_KEY_BYTES = 32
# A verifier must accept 16 signatures; 64 are more than a log with witnesses has.
_MOST_SIGNATURES = 64
_LONGEST_NOTE = 1 << 20


class NoteKey(NamedTuple):
    """A public Ed25519 key that signs notes, written ``name+id+key`` (c2sp.org/signed-note).

    Args:
        name: The name of the signer.
        kind: The byte of the type of its signatures.
        public: The public key.
    """

    name: str
    kind: bytes
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(self.kind + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str, kind: bytes, of: str) -> "NoteKey":
        """Read a key as it is written.

        Args:
            text: The text.
            kind: The required type of its signatures.
            of: Whose key it is, for the message.

        Raises:
            UnverifiedLogError: It is not an Ed25519 key of that type in that form.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        content = read_base64(encoded)
        key = cls(name, content[:1], content[1:])
        has_name = name and not any(letter.isspace() for letter in name)
        if not has_name or key.kind != kind or len(key.public) != _KEY_BYTES:
            raise UnverifiedLogError(f"{text!r} is not an Ed25519 key of {of}")
        if key.key_id.hex() != key_id:
            raise UnverifiedLogError(f"the id of the key {text!r} does not match")
        return key

    def verify(self, signature: bytes, content: bytes) -> None:
        """Require that a signature of some bytes is of this key.

        Raises:
            UnverifiedLogError: It is not.
        """
        # Here, because a client that only compares roots needs no `cryptography`.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, content)
        except (InvalidSignature, ValueError) as error:
            raise UnverifiedLogError(f"the signature of {self.name} is wrong") from error

    def line(self, signature: bytes) -> str:
        """Return the line of a signature in a note."""
        return f"{_SIGNATURE}{self.name} {base64.b64encode(self.key_id + signature).decode()}\n"


class LogKey(NamedTuple):
    """A public key of a log."""

    name: str
    public: bytes

    @property
    def note_key(self) -> NoteKey:
        """The key with the type of its signatures."""
        return NoteKey(self.name, _ED25519, self.public)

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names the key."""
        return self.note_key.key_id

    def __str__(self) -> str:
        return str(self.note_key)

    @classmethod
    def parse(cls, text: str) -> "LogKey":
        """Read a key as it is written.

        Raises:
            UnverifiedLogError: It is not an Ed25519 key in that form.
        """
        found = NoteKey.parse(text, _ED25519, "a log")
        return cls(found.name, found.public)

    def verify(self, signature: bytes, text: str) -> None:
        """Require that a signature of a note's text is of this key.

        Raises:
            UnverifiedLogError: It is not.
        """
        self.note_key.verify(signature, text.encode())


class NoteSignature(NamedTuple):
    """A line of a signature in a note."""

    name: str
    key_id: bytes
    signature: bytes
    line: str
    """The line as it was read, with its end."""


class Checkpoint(NamedTuple):
    """The size and the root of a log (https://c2sp.org/tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def signature_line(key: LogKey, signature: bytes) -> str:
    """Return the line of a log's signature in a note."""
    return key.note_key.line(signature)


def read_checkpoint(note: str) -> Checkpoint:
    """Return the checkpoint of a note without verifying a signature.

    Raises:
        UnverifiedLogError: It is not a checkpoint.
    """
    text, _ = split_note(note)
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    checkpoint = Checkpoint(origin, read_decimal(size), read_base64(root))
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
    text, signatures = split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed = False
    for found in signatures:
        if key := known.get((found.name, found.key_id)):
            key.verify(found.signature, text)
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
    hashes = [read_base64(line) for line in lines[1:]]
    leaf = leaf_hash(event)
    require_inclusion(leaf, read_decimal(index), hashes, size=checkpoint.size, root=checkpoint.root)
    return read_decimal(index), checkpoint


def own_note(note: str) -> str:
    """Return a checkpoint as its log signed it, without cosignatures of others.

    Raises:
        UnverifiedLogError: It is not a checkpoint.
    """
    origin = read_checkpoint(note).origin
    text, signatures = split_note(note)
    return f"{text}\n{''.join(each.line for each in signatures if each.name == origin)}"


def split_note(note: str) -> tuple[str, list[NoteSignature]]:
    """Return the text of a note, and its signatures.

    Raises:
        UnverifiedLogError: It is not a signed note.
    """
    text, blank, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if (
        not (blank and signatures.endswith("\n") and len(note) <= _LONGEST_NOTE)
        or len(lines) > _MOST_SIGNATURES
        or not all(line.startswith(_SIGNATURE) for line in lines)
        or any(letter < " " and letter != "\n" for letter in note)
    ):
        raise UnverifiedLogError("the text is not a signed note")
    return text + "\n", list(map(read_signature, lines))


def read_signature(line: str) -> NoteSignature:
    """Return the signature of a line, with or without the end of the line.

    Raises:
        UnverifiedLogError: It is not the line of a signature.
    """
    name, _, encoded = line.removesuffix("\n").removeprefix(_SIGNATURE).partition(" ")
    content = read_base64(encoded)
    if not line.startswith(_SIGNATURE):
        raise UnverifiedLogError("the line is not one of a signature")
    return NoteSignature(name, content[:4], content[4:], f"{_SIGNATURE}{name} {encoded}\n")


def read_decimal(text: str) -> int:
    """Return a number as notes write it.

    Raises:
        UnverifiedLogError: It has another form.
    """
    if not (text.isascii() and text.isdigit()) or text != str(int(text[:20])):
        raise UnverifiedLogError(f"{text!r} is not a size")
    return int(text)


def read_base64(text: str) -> bytes:
    """Return the bytes of some base64.

    Raises:
        UnverifiedLogError: It is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UnverifiedLogError(f"{text!r} is not base64") from error

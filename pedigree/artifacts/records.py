"""What an artifact is made of: a manifest of files, each known by its sha256."""

import hashlib
import re
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, NamedTuple, Self
from uuid import UUID

import rfc8785
from pydantic import Field, StringConstraints, field_validator

from pedigree._record import Record
from pedigree.signatures.records import Signature

DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""``sha256:`` and 64 hexadecimal digits."""


def digest_of(content: bytes) -> Digest:
    """Return the digest of some bytes held in memory."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(text: str) -> bool:
    """Say whether a text is spelled as a digest."""
    return re.fullmatch(DIGEST_PATTERN, text) is not None


class Tier(StrEnum):
    """How fast the bytes of a blob must be at hand."""

    STANDARD = "standard"
    ARCHIVE = "archive"


class Blob(NamedTuple):
    """Some bytes, known by their sha256 and their number."""

    digest: Digest
    size: int


class ManifestFile(Record):
    """One file of an artifact."""

    path: str = Field(min_length=1, description="Relative, NFC, with / between its parts")
    size: int = Field(ge=0, description="Bytes")
    digest: Digest

    @classmethod
    def of(cls, path: str, blob: Blob) -> Self:
        """Return the file that has some bytes at a path."""
        return cls(path=path, size=blob.size, digest=blob.digest)


class Manifest(Record):
    """The list that an artifact's digest is taken of.

    It names the files, the flavor and the signature, so an equal digest means equal bytes and an
    equal interface. Files are sorted by path.
    """

    flavor: str
    signature: Signature
    files: tuple[ManifestFile, ...] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _sorted(cls, files: tuple[ManifestFile, ...]) -> tuple[ManifestFile, ...]:
        return tuple(sorted(files, key=lambda file: file.path))

    @cached_property
    def canonical(self) -> bytes:
        """The RFC 8785 bytes of the manifest."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> Digest:
        """The artifact's digest: the sha256 of the canonical bytes."""
        return digest_of(self.canonical)

    @cached_property
    def size(self) -> int:
        """The sum of the files' sizes, in bytes."""
        return sum(file.size for file in self.files)


class WantedFile(Record):
    """A file that somebody has."""

    digest: Digest
    size: int = Field(ge=0, le=2**53 - 1, description="Bytes")

    @property
    def blob(self) -> Blob:
        """Its bytes."""
        return Blob(self.digest, self.size)


class UploadFile(WantedFile):
    """A file of an upload."""

    stored: bool = Field(description="The registry has it; nothing is left to do for it")
    received: bool = Field(default=False, description="This upload has brought it")
    url: str | None = Field(
        default=None, description="Put its bytes here, without a token; else send them to us"
    )


class UploadSession(Record):
    """An upload that is under way: which files are still missing, and where to put them."""

    upload_id: UUID
    model: str
    expires_at: datetime = Field(description="It is kept until then, and longer if it is used")
    files: tuple[UploadFile, ...]

    @property
    def missing(self) -> tuple[UploadFile, ...]:
        """The files that the registry lacks."""
        return tuple(file for file in self.files if not file.stored)

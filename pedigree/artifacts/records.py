"""The manifest of an artifact: its files, each with its sha256."""

import hashlib
import re
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, NamedTuple, Self
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator

from pedigree._canonical_json import canonical_json
from pedigree._record import Record
from pedigree.artifacts.path_rules import LONGEST_NAME, LONGEST_PATH, MOST_PARTS
from pedigree.signatures.records import Signature

DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""``sha256:`` and 64 hexadecimal digits."""


def digest_of(content: bytes) -> Digest:
    """Return the digest of some bytes in memory."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(text: str) -> bool:
    """Return whether a text has the form of a digest."""
    return re.fullmatch(DIGEST_PATTERN, text) is not None


class Tier(StrEnum):
    """The storage tier of a blob, by its access time."""

    STANDARD = "standard"
    ARCHIVE = "archive"


class Blob(NamedTuple):
    """Some bytes, identified by their sha256 and size."""

    digest: Digest
    size: int


class ManifestFile(Record):
    """One file of an artifact."""

    path: str = Field(
        min_length=1,
        max_length=LONGEST_PATH,
        description=f"Relative, NFC, with / between its parts: at most {LONGEST_PATH} bytes,"
        f" {MOST_PARTS} parts, and {LONGEST_NAME} bytes a part",
    )
    size: int = Field(ge=0, description="Bytes")
    digest: Digest

    @classmethod
    def of(cls, path: str, blob: Blob) -> Self:
        """Return the file with a blob's bytes at a path."""
        return cls(path=path, size=blob.size, digest=blob.digest)


class Manifest(Record):
    """The list from which an artifact's digest is computed.

    It has the files, the flavor and the signature, so an equal digest means equal bytes and an
    equal interface. Files are sorted by path.
    """

    flavor: str | None
    signature: Signature | None
    files: tuple[ManifestFile, ...] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _sorted(cls, files: tuple[ManifestFile, ...]) -> tuple[ManifestFile, ...]:
        return tuple(sorted(files, key=lambda file: file.path))

    @cached_property
    def canonical(self) -> bytes:
        """The RFC 8785 bytes of the manifest."""
        return canonical_json(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> Digest:
        """The artifact's digest: the sha256 of the canonical bytes."""
        return digest_of(self.canonical)

    @cached_property
    def size(self) -> int:
        """The sum of the files' sizes, in bytes."""
        return sum(file.size for file in self.files)


class WantedFile(Record):
    """A file that a client has."""

    digest: Digest
    size: int = Field(ge=0, le=2**53 - 1, description="Bytes")

    @property
    def blob(self) -> Blob:
        """Its bytes."""
        return Blob(self.digest, self.size)


class UploadFile(WantedFile):
    """A file of an upload."""

    stored: bool = Field(description="The registry has it; it need not be sent")
    received: bool = Field(default=False, description="This upload has sent it")
    url: str | None = Field(
        default=None, description="PUT its bytes here without a token; None: send them to the API"
    )


class UploadSession(Record):
    """An upload in progress: which files are still missing, and where to put them."""

    upload_id: UUID
    model: str
    expires_at: datetime = Field(description="When it expires; each use extends it")
    files: tuple[UploadFile, ...]

    @property
    def missing(self) -> tuple[UploadFile, ...]:
        """The files that the registry does not have."""
        return tuple(file for file in self.files if not file.stored)

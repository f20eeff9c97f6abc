"""The layout of a folder that has a whole registry; docs/registry-export.md describes it."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from pedigree._record import Record
from pedigree.artifacts.records import Digest
from pedigree.errors import InvalidInputError
from pedigree.postgres.migrate import all_migrations

FORMAT = "pedigree-registry"
MANIFEST = "registry.json"
TABLES = "tables"
BLOBS = "blobs"
LOG = "log"


class FolderBlob(Record):
    """A blob of a folder."""

    digest: Digest
    size: int


class FolderManifest(Record):
    """What a folder has; it is written last, so a folder without it is not complete."""

    format: str = FORMAT
    schema_version: str
    """The newest migration of the database, which the reading release must have, too."""
    registry_id: str
    exported_at: datetime
    exported_by: str
    events: int
    """How many events have a place in the feed."""
    checkpoint: str | None
    """The newest checkpoint of the log, signed by the origin; None if it has none."""
    tables: dict[str, int]
    """The number of rows by table."""
    digests: dict[str, Digest]
    """The sha256 of the file of each table."""
    blobs: tuple[FolderBlob, ...]

    def require_readable(self, folder: Path) -> None:
        """Require that this release can read the folder.

        Raises:
            InvalidInputError: It is of another format or schema.
        """
        if self.format != FORMAT or self.schema_version != present_schema():
            raise InvalidInputError(
                f"the folder is of {self.format} {self.schema_version}, and this release reads"
                f" {FORMAT} {present_schema()}",
                field="FOLDER",
                value=str(folder),
                remedy="Import it with the release that exported it, then migrate",
            )


def present_schema() -> str:
    """Return the name of the newest migration of this release."""
    return all_migrations()[-1].name


def table_file(folder: Path, table: str) -> Path:
    """Return the file of a table."""
    return folder / TABLES / f"{table}.jsonl"


def blob_file(folder: Path, digest: Digest) -> Path:
    """Return the file of a blob, in one of 256 folders."""
    name = digest.removeprefix("sha256:")
    return folder / BLOBS / name[:2] / name


def read_manifest(folder: Path) -> FolderManifest:
    """Read the manifest of a folder.

    Raises:
        InvalidInputError: There is none, it is damaged, or this release cannot read the folder.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        found = FolderManifest.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise InvalidInputError(
            "the folder has no complete export of a registry",
            field="FOLDER",
            value=str(folder),
            remedy=f"Name a folder that `pedigree export` wrote to its end, with {MANIFEST}",
        ) from error
    found.require_readable(folder)
    return found

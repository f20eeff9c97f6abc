"""Files of an upload area that a client sends in parts, each to a signed URL of the store.

The holder of such a URL can write there again until it expires. So the parts are put together
under a private key, hashed on the way, and nothing refers to them.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from pedigree.artifacts.objects import ObjectStore, staging_key
from pedigree.artifacts.records import Blob
from pedigree.artifacts.sessions import LEASE
from pedigree.artifacts.store import SQL
from pedigree.artifacts.upload_areas import UploadArea, keep_area
from pedigree.errors import InvalidArtifactError, UploadNotFoundError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

MOST_PARTS_OF_A_FILE = 10_000
"""The most parts of a file, as of S3."""


def begin_parts(
    database: Database, store: ObjectStore, area: UploadArea, path: str, parts: int
) -> tuple[UUID, tuple[str, ...]]:
    """Begin a file that is sent in parts, and return its id and the URLs for the parts.

    Raises:
        UnsupportedByStoreError: The store has no signed URLs.
    """
    parts_id = uuid4()
    keys = _keys(parts_id, parts)
    urls = store.sign(keys, LEASE, "PUT")

    def begin(transaction: Transaction) -> None:
        upload_id = keep_area(transaction, area)
        values = {"parts_id": parts_id, "upload_id": upload_id, "path": path, "parts": parts}
        transaction.execute(SQL["begin_parts"], values)
        transaction.execute(SQL["note_staged"], {"keys": keys, "lease": LEASE})

    database.transaction(begin)
    return parts_id, urls


def require_parts(transaction: Transaction, area: UploadArea, path: str, parts_id: UUID) -> int:
    """Return how many parts a file has.

    Raises:
        UploadNotFoundError: No such file is being sent.
    """
    values = {**area._asdict(), "path": path, "parts_id": parts_id}
    found = transaction.execute(SQL["find_parts"], values).fetchone()
    if found is None:
        raise UploadNotFoundError(
            "no such file is sent in parts",
            field="upload_id",
            value=str(parts_id),
            remedy="Begin it by mpu/create",
        )
    return int(found["parts"])


def assemble_parts(store: ObjectStore, parts_id: UUID, parts: int, target: Path) -> Blob:
    """Write the parts into one new file, one after the other, and return what they are.

    Raises:
        InvalidArtifactError: A part was not sent.
        StoreUnavailableError: The store failed.
    """
    sha256, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        for chunk in _sent(store, parts_id, parts):
            sha256.update(chunk)
            size += file.write(chunk)
    return Blob(f"sha256:{sha256.hexdigest()}", size)


def end_parts(transaction: Transaction, parts_id: UUID) -> None:
    """End a file that was sent in parts, which are removed after their URLs expire."""
    transaction.execute(SQL["end_parts"], {"parts_id": parts_id})


def _sent(store: ObjectStore, parts_id: UUID, parts: int) -> Iterator[bytes]:
    for number, key in enumerate(_keys(parts_id, parts), start=1):
        if store.size(key) is None:
            raise InvalidArtifactError(
                "a part was not sent", field="parts", value=number, remedy="Send it to its URL"
            )
        yield from store.stream(key)


def _keys(parts_id: UUID, parts: int) -> list[str]:
    return [f"{staging_key(parts_id)}/{number}" for number in range(1, parts + 1)]

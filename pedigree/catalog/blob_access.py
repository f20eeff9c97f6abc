"""Access to blobs: knowing a digest does not permit reading its bytes."""

from collections.abc import Callable, Collection

from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import locate
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.catalog.store import SQL
from pedigree.errors import CorruptionError
from pedigree.postgres.transaction import Transaction


def readable_blobs(
    transaction: Transaction,
    digests: Collection[Digest],
    may_read: Callable[[str], bool] | None,
) -> frozenset[Digest]:
    """Return the blobs that are files of living versions.

    Args:
        transaction: Where to read.
        digests: The blobs.
        may_read: Decides which models count; all when None.
    """
    if not digests:
        return frozenset()
    values = {"digests": list(digests)}
    if may_read is None:
        rows = transaction.execute(SQL["blobs_of_versions"], values).fetchall()
        return frozenset(row["digest"] for row in rows)
    rows = transaction.execute(SQL["models_of_blobs"], values).fetchall()
    return frozenset(row["digest"] for row in rows if may_read(row["name"]))


def keys_of(
    transaction: Transaction, version: ModelVersion, digests: Collection[Digest]
) -> dict[Digest, str]:
    """Return the keys of the objects that hold a version's bytes.

    Raises:
        VersionNotFoundError: It was deleted since the lookup, and its bytes were collected.
        CorruptionError: The version exists, and one of the digests is not live.
    """
    try:
        return locate(transaction, digests)
    except CorruptionError:
        lookups.find_version(transaction, parse_reference(version.reference))
        raise

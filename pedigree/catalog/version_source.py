"""What the MLflow protocol, or an import, says about where a version comes from."""

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion, VersionSource
from pedigree.catalog.store import SQL
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction


def source_question(name: str, version: int) -> Question:
    """Return what :func:`source_of` asks."""
    return Question(SQL["version_source"], {"name_key": name_key(name), "version": version})


def source_of(transaction: Transaction, name: str, version: int) -> VersionSource | None:
    """Return where a version comes from; None if our own ``register`` made it."""
    asked = source_question(name, version)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return source_of_row(row) if row else None


def source_of_version(transaction: Transaction, version: ModelVersion) -> VersionSource | None:
    """Return where a version comes from; None if our own ``register`` made it."""
    return source_of(transaction, version.model_name, version.version_id)


def source_of_row(row: Row) -> VersionSource:
    """Return the record of a row of the query ``version_source``."""
    return VersionSource(**{name: row[name] for name in VersionSource.model_fields})

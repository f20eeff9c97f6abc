"""What the MLflow protocol, or an import, says about where a version comes from."""

from pydantic import Field

from pedigree._record import Record
from pedigree._values import JsonObject
from pedigree.catalog.names import name_key
from pedigree.catalog.store import SQL
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction


class VersionSource(Record):
    """Where a version of the MLflow protocol or of an import comes from; it never changes.

    A version that our own ``register`` made has none.
    """

    source: str = Field(description="The source as the client sent it")
    location: str | None = Field(
        default=None, description="Where the bytes are, as far as the source was resolved"
    )
    run_id: str | None = Field(default=None, description="The MLflow run")
    run_link: str | None = Field(default=None, description="A link to the run")
    logged_model_id: str | None = Field(default=None, description="MLflow's id of a logged model")
    claimed: JsonObject | None = Field(
        default=None, description="What an import found: the original times and users"
    )


def source_question(name: str, version: int) -> Question:
    """Return what :func:`source_of` asks."""
    return Question(SQL["version_source"], {"name_key": name_key(name), "version": version})


def source_of(transaction: Transaction, name: str, version: int) -> VersionSource | None:
    """Return where a version comes from; None if our own ``register`` made it."""
    asked = source_question(name, version)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return source_of_row(row) if row else None


def source_of_row(row: Row) -> VersionSource:
    """Return the record of a row of the query ``version_source``."""
    return VersionSource(**{name: row[name] for name in VersionSource.model_fields})

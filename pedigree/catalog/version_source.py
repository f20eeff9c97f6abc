"""What the MLflow protocol, or an import, says about where a version comes from."""

from collections.abc import Callable, Iterator, Sequence

from pydantic import JsonValue

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion, VersionSource
from pedigree.catalog.store import SQL
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

# Where MLflow's records of versions, runs and logged models name a user.
_USERS = frozenset({"user", "user_id", "mlflow.user"})


def with_pseudonyms(
    source: VersionSource, pseudonyms: Callable[[Sequence[str]], Sequence[str]]
) -> VersionSource:
    """Return a source with pseudonyms instead of the users that an import found.

    Args:
        source: The source.
        pseudonyms: Returns the pseudonyms of names, in their order.
    """
    users = sorted(set(_users(source.claimed)))
    if not users:
        return source
    known = dict(zip(users, pseudonyms(users), strict=True))
    return source.model_copy(update={"claimed": _renamed(source.claimed, known)})


def _users(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name in _USERS and isinstance(each, str):
                yield each
            else:
                yield from _users(each)
    elif isinstance(value, list):
        for each in value:
            yield from _users(each)


def _renamed(value: JsonValue, known: dict[str, str]) -> JsonValue:
    if isinstance(value, list):
        return [_renamed(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: known[each] if name in _USERS and isinstance(each, str) else _renamed(each, known)
        for name, each in value.items()
    }


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

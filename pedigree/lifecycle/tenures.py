"""The timeline of a model's stages and aliases."""

from datetime import datetime

from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.reading import at_least_one, find_model, in_a_zone
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import Tenure
from pedigree.lifecycle.store import ALIAS, SQL, STAGE
from pedigree.postgres.transaction import Row, Transaction

_BEHIND_ALL = 2**63 - 1


def timeline(
    transaction: Transaction, name: str, pointer: str | None, *, limit: int, before: int | None
) -> tuple[Tenure, ...]:
    """Return the newest tenures of a model, or of one pointer, in the order of their beginning.

    Args:
        transaction: Where to read.
        name: The model.
        pointer: A stage or alias, as :func:`split_pointer` reads it.
        limit: How many at most.
        before: Only those before this tenure.

    Raises:
        ModelNotFoundError: There is no model of that name.
        InvalidInputError: The pointer or the limit is none.
    """
    page = {"limit": at_least_one(limit), "before": before or _BEHIND_ALL}
    if pointer is None:
        found = transaction.execute(SQL["timeline"], {**_key(name), **page})
    else:
        found = transaction.execute(
            SQL["timeline_of_pointer"], {**_key(name), **page, **split_pointer(pointer)}
        )
    return _found(transaction, name, found.fetchall())


def as_of(
    transaction: Transaction, name: str, moment: datetime, pointer: str | None
) -> tuple[Tenure, ...]:
    """Return the tenures of a model, or of one pointer, during which a moment lies.

    Raises:
        ModelNotFoundError: There is no model of that name.
        InvalidInputError: The moment has no time zone, or the pointer is none.
    """
    moment = in_a_zone("moment", moment)
    wanted = split_pointer(pointer) if pointer else {"pointer": None, "name": None}
    found = transaction.execute(SQL["as_of"], {**_key(name), "moment": moment, **wanted})
    return _found(transaction, name, found.fetchall())


def tenures_of(transaction: Transaction, version: ModelVersion) -> tuple[Tenure, ...]:
    """Return the tenures of one version, in the order of their beginning."""
    found = transaction.execute(
        SQL["tenures_of_version"],
        {"name_key": name_key(version.model_name), "version": version.version_id},
    )
    return tuple(Tenure(**row) for row in found.fetchall())


def split_pointer(pointer: str) -> dict[str, str | None]:
    """Read ``stage:production`` or ``alias:champion``.

    Raises:
        InvalidInputError: It is neither.
    """
    kind, _, name = pointer.partition(":")
    if kind not in (STAGE, ALIAS) or not name:
        raise InvalidInputError(
            "names neither a stage nor an alias",
            field="pointer",
            value=pointer,
            remedy="Write stage:production or alias:champion",
        )
    return {"pointer": kind, "name": name}


def _key(name: str) -> dict[str, str]:
    return {"model": validate_name(name), "name_key": name_key(name)}


def _found(transaction: Transaction, name: str, rows: list[Row]) -> tuple[Tenure, ...]:
    if not rows:
        find_model(transaction, name)
    return tuple(Tenure(**row) for row in rows)

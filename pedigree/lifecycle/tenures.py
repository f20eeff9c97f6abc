"""The timeline of a model's stages and aliases."""

from datetime import datetime
from typing import Any

from pedigree._record import RecordPage
from pedigree.catalog.lookups import find_model, in_a_zone
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import Tenure
from pedigree.lifecycle.store import ALIAS, SQL, STAGE
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

_BEHIND_ALL = 2**63 - 1


def timeline(
    transaction: Transaction, name: str, pointer: str | None, *, limit: int, before: int | None
) -> RecordPage[Tenure]:
    """Return the newest tenures of a model, or of one pointer, in the order of their beginning.

    Args:
        transaction: Where to read.
        name: The model.
        pointer: A stage or alias, as :func:`split_pointer` reads it.
        limit: The largest number of results.
        before: Only tenures before this one.

    Raises:
        ModelNotFoundError: No model has that name.
        InvalidInputError: The pointer or the limit is invalid.
    """
    if pointer is None:
        asked = timeline_question(name, limit=limit, before=before)
        pages = [fetch_page(transaction, asked.query, asked.params)]
    else:
        page = {"limit": at_least_one(limit), "before": before or _BEHIND_ALL}
        every = _of_pointer(transaction, name, pointer, page)
        pages = [fetch_page(transaction, SQL["timeline_of_pointer"], each) for each in every]
    cut = [each.rows[-1]["tenure_id"] for each in pages if each.is_cut]
    # Before the oldest row of a page that was cut, rows of that page would be missing.
    since = max(cut, default=0)
    rows = [row for each in pages for row in each.rows if row["tenure_id"] >= since]
    newest = sorted(rows, key=lambda row: row["tenure_id"])[-limit:]
    return RecordPage(_found(transaction, name, newest), is_cut=bool(cut))


def timeline_question(name: str, *, limit: int, before: int | None) -> Question:
    """Return what :func:`timeline` asks for all pointers."""
    page = {"limit": at_least_one(limit), "before": before or _BEHIND_ALL}
    return Question(SQL["timeline"], {**_key(name), **page}, is_page=True)


def as_of(
    transaction: Transaction,
    name: str,
    moment: datetime,
    pointer: str | None,
    *,
    limit: int,
    after: int | None,
) -> RecordPage[Tenure]:
    """Return a page of the tenures of a model, or of one pointer, at a given time.

    Many versions may share a stage. The tenures are ordered by pointer, then by version.

    Raises:
        ModelNotFoundError: No model has that name.
        InvalidInputError: The time has no time zone, or the pointer is invalid.
    """
    asked = {"moment": in_a_zone("moment", moment), "after": after}
    if pointer:
        every = _of_pointer(transaction, name, pointer, asked)
    else:
        every = [{**_key(name), **asked, "pointer": None, "name": None}]
    rows, is_cut, limit = list[Row](), False, at_least_one(limit)
    for each in every:
        found = fetch_page(transaction, SQL["as_of"], {**each, "limit": limit - len(rows)})
        rows, is_cut = rows + found.rows, found.is_cut
        if is_cut or len(rows) == limit:
            break
    return RecordPage(_found(transaction, name, rows), is_cut=is_cut)


def held_within(
    transaction: Transaction, name: str, since: datetime, until: datetime, *, limit: int
) -> tuple[Tenure, ...]:
    """Return what a model's stages and aliases pointed to at any time of a period.

    They are ordered by pointer, stages first, and the newest first.

    Args:
        transaction: Where to read.
        name: The model.
        since: The beginning of the period.
        until: Its end, which is not included.
        limit: The largest number of results.

    Raises:
        ModelNotFoundError: No model has that name.
        InvalidInputError: A time has no time zone.
    """
    period = {"since": in_a_zone("since", since), "until": in_a_zone("until", until)}
    values = {**_key(name), **period, "limit": at_least_one(limit)}
    return _found(transaction, name, transaction.execute(SQL["held_within"], values).fetchall())


def _of_pointer(
    transaction: Transaction, name: str, pointer: str, more: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the parameters of a query for a stage or an alias, for each spelling it has had."""
    kind, wanted = split_pointer(pointer)
    values = {**_key(name), **more, "pointer": kind}
    ever = transaction.execute(SQL["pointers_ever"], values).fetchall()
    spellings = [row["name"] for row in ever if name_key(row["name"]) == name_key(wanted)]
    return [{**values, "name": spelling} for spelling in spellings]


def tenures_question(name: str, version: int, *, limit: int, after: int) -> Question:
    """Return what :func:`tenures_of` asks."""
    values = {
        "name_key": name_key(name),
        "version": version,
        "limit": at_least_one(limit),
        "after": after,
    }
    return Question(SQL["tenures_of_version"], values, is_page=True)


def tenures_of(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: int
) -> RecordPage[Tenure]:
    """Return a page of the tenures of one version, in the order of their beginning."""
    asked = tenures_question(version.model_name, version.version_id, limit=limit, after=after)
    found = fetch_page(transaction, asked.query, asked.params)
    return RecordPage((Tenure(**row) for row in found.rows), is_cut=found.is_cut)


def split_pointer(pointer: str) -> tuple[str, str]:
    """Read ``stage:production`` or ``alias:champion``; return the kind and the name.

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
    return kind, name


def _key(name: str) -> dict[str, str]:
    return {"model": validate_name(name), "name_key": name_key(name)}


def _found(transaction: Transaction, name: str, rows: list[Row]) -> tuple[Tenure, ...]:
    if not rows:
        find_model(transaction, name)
    return tuple(Tenure(**row) for row in rows)

"""Lookups in the catalog: each is one statement, and reads no more than it returns.

So the cost does not grow with the number of versions. Long results come in pages: the next page
starts after the last item of the previous one.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from pedigree._names import like_pattern
from pedigree._record import RecordPage
from pedigree.catalog.names import found_in, name_key, validate_name
from pedigree.catalog.records import ModelVersion, RegisteredModel, Training
from pedigree.catalog.references import Reference
from pedigree.catalog.rows import model_of, one_version, training_of, version_from_search_row
from pedigree.catalog.store import SQL, model_not_found
from pedigree.errors import InvalidInputError
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction

_ABOVE_ALL = 2**31 - 1


def find_version(transaction: Transaction, reference: Reference) -> ModelVersion:
    """Return the version that a reference names; its stage or alias is case-insensitive.

    Raises:
        NotFoundError: It names no version.
        AmbiguousStageError: It names several versions.
    """
    return version_from_search_row(find_version_row(transaction, reference))


def find_version_row(transaction: Transaction, reference: Reference) -> Row:
    """Return the same as a row, of which :func:`~pedigree.catalog.rows.version_json` makes JSON.

    Raises:
        NotFoundError: It names no version.
        AmbiguousStageError: It names several versions.
    """
    rows = _versions_named(transaction, reference)
    if not rows:
        model = find_model(transaction, reference.name)  # a missing model is the better message
        held = [*model.stages, *model.aliases]
        if reference.pointer is not None and (kept := found_in(reference.pointer, held)):
            spelled = Reference(name=reference.name, pointer=kept)
            return one_version(_versions_named(transaction, spelled), spelled)
    return one_version(rows, reference)


def values_of(reference: Reference) -> dict[str, object]:
    """Return the parameters of the query ``find_versions``."""
    return {
        "name_key": name_key(reference.name),
        "version": reference.version,
        "pointer": reference.pointer,
    }


def versions_question(reference: Reference) -> Question:
    """Return what :func:`find_version` asks."""
    return Question(SQL["find_versions"], values_of(reference))


def _versions_named(transaction: Transaction, reference: Reference) -> list[Row]:
    """Read the versions of a reference whose stage or alias has its stored spelling."""
    asked = versions_question(reference)
    found = transaction.execute(asked.query, asked.params)
    return [row for row in found.fetchall() if row["model_name"] == reference.name]


def find_holder_row(transaction: Transaction, name: str, stage: str) -> Row | None:
    """Return the version that entered a stage last and still holds it, as a row.

    None if there is none, or if the name or the stage has another spelling.
    """
    asked = holder_question(name, stage)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return row if row and row["model_name"] == name else None


def holder_question(name: str, stage: str) -> Question:
    """Return what :func:`find_holder_row` asks."""
    return Question(SQL["find_holder"], values_of_holder(name, stage))


def values_of_holder(name: str, stage: str) -> dict[str, object]:
    """Return the parameters of the query ``find_holder``."""
    return {"name_key": name_key(name), "stage": stage}


def newest_of_stages(transaction: Transaction, name: str) -> dict[str, int]:
    """Return the number of the newest version of each stage of a model, and of none.

    It takes as long for a model of many versions as for one of few.

    Raises:
        ModelNotFoundError: No model has that name.
    """
    find_model(transaction, name)
    rows = transaction.execute(SQL["newest_of_stages"], {"name_key": name_key(name)}).fetchall()
    return {row["stage"]: row["version"] for row in rows}


def model_question(name: str) -> Question:
    """Return what :func:`find_model` asks."""
    return Question(SQL["model"], {"name_key": name_key(validate_name(name))})


def find_model(transaction: Transaction, name: str) -> RegisteredModel:
    """Return a registered model.

    Raises:
        ModelNotFoundError: No model has that name.
    """
    asked = model_question(name)
    row = transaction.execute(asked.query, asked.params).fetchone()
    if row is None or row["name"] != name:
        raise model_not_found(name)
    return model_of(row)


def names_among(
    transaction: Transaction, patterns: Sequence[str], is_meant: Callable[[str], bool]
) -> list[str]:
    """Return the names of models, also of deleted ones, that are meant.

    Args:
        transaction: Where to read.
        patterns: Names or patterns with ``*`` of which all of them match one; all names if empty.
        is_meant: Decides about each name.
    """
    keys = [like_pattern(name_key(pattern)) for pattern in patterns or ("*",)]
    rows = transaction.execute(SQL["names_like"], {"keys": keys})
    return [row["name"] for row in rows if is_meant(row["name"])]


def list_models(
    transaction: Transaction,
    *,
    limit: int,
    after: str | None,
    visible: Sequence[str] | None = None,
) -> RecordPage[RegisteredModel]:
    """Return registered models after ``after``, ordered by case-insensitive name.

    Args:
        transaction: Where to read.
        limit: The largest number of results.
        after: The last name of the previous page.
        visible: Only models of these names; all models when None.
    """
    after_key = name_key(after or "")
    values = {"limit": at_least_one(limit), "after": after_key, "visible": visible}
    found = fetch_page(transaction, SQL["models"], values)
    return RecordPage(map(model_of, found.rows), is_cut=found.is_cut)


def list_versions(
    transaction: Transaction, name: str, *, limit: int, after: int | None, newest_first: bool
) -> RecordPage[ModelVersion]:
    """Return versions of a model after ``after``, oldest or newest first.

    Raises:
        ModelNotFoundError: No model has that name.
    """
    rows = list_version_rows(transaction, name, limit=limit, after=after, newest_first=newest_first)
    return RecordPage(map(version_from_search_row, rows), is_cut=rows.is_cut)


def list_version_rows(
    transaction: Transaction, name: str, *, limit: int, after: int | None, newest_first: bool
) -> RecordPage[Row]:
    """Return the same as rows, as :func:`find_version_row` does.

    Raises:
        ModelNotFoundError: No model has that name.
    """
    asked = list_versions_question(name, limit=limit, after=after, newest_first=newest_first)
    found = fetch_page(transaction, asked.query, asked.params)
    if not found.rows or found.rows[0]["model_name"] != name:
        find_model(transaction, name)
    return RecordPage(found.rows, is_cut=found.is_cut)


def list_versions_question(
    name: str, *, limit: int, after: int | None, newest_first: bool
) -> Question:
    """Return what :func:`list_versions` asks."""
    key = {"name_key": name_key(validate_name(name)), "limit": at_least_one(limit)}
    if newest_first:
        last = _ABOVE_ALL if after is None else after
        return Question(SQL["newest_versions"], {**key, "before": last}, is_page=True)
    return Question(SQL["versions"], {**key, "after": after or 0}, is_page=True)


def trainings_question(name: str, version: int, *, limit: int, after: str | None) -> Question:
    """Return what :func:`list_trainings` asks."""
    values = {
        "name_key": name_key(name),
        "version": version,
        "limit": at_least_one(limit),
        "after": training_cursor(after),
    }
    return Question(SQL["trainings"], values, is_page=True)


def list_trainings(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: str | None
) -> RecordPage[Training]:
    """Return runs that produced a version's bytes after ``after``, oldest first."""
    name, number = version.model_name, version.version_id
    asked = trainings_question(name, number, limit=limit, after=after)
    found = fetch_page(transaction, asked.query, asked.params)
    return RecordPage(map(training_of, found.rows), is_cut=found.is_cut)


def packages_question(environment_hash: str) -> Question:
    """Return what :func:`environment_packages` asks."""
    return Question(SQL["environment"], {"hash": environment_hash})


def environment_packages(transaction: Transaction, environment_hash: str) -> tuple[str, ...]:
    """Return the packages of an environment's hash; empty if they were not recorded."""
    asked = packages_question(environment_hash)
    row = transaction.execute(asked.query, asked.params).fetchone()
    return tuple(row["packages"]) if row else ()


def in_a_zone(field: str, moment: datetime) -> datetime:
    """Return an aware timestamp in UTC.

    Postgres reads no offset beyond 16 hours, and events store timestamps as text.

    Raises:
        InvalidInputError: It has no time zone, or is outside the supported years in UTC.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidInputError(
            "has no time zone",
            field=field,
            value=moment.isoformat(),
            remedy=f"Write {moment.isoformat()}Z, or another offset such as +02:00",
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInputError(
            "is outside years 1 to 9999 in UTC",
            field=field,
            value=moment.isoformat(),
            remedy="Write another one",
        ) from None


def training_cursor(after: str | None) -> UUID | None:
    """Return the cursor of a page of trainings.

    Raises:
        InvalidInputError: It is not the id of a training.
    """
    try:
        return None if after is None else UUID(after)
    except ValueError as error:
        raise InvalidInputError(
            "is not the id of a training",
            field="after",
            value=after,
            remedy="Give the last training_id of the previous page",
        ) from error

"""A page of the models that a search of the MLflow protocol finds."""

from collections.abc import Sequence

from psycopg import sql

from pedigree.catalog.mlflow_search.asked import AskedPage
from pedigree.catalog.mlflow_search.records import FoundModel, FoundVersion, PageOfFound
from pedigree.catalog.mlflow_search.to_sql import compared_model
from pedigree.catalog.mlflow_search.versions import SQL, read_versions
from pedigree.catalog.search.execution import ANY, Execution, TimeIsUpError
from pedigree.catalog.search.parameters import Parameters
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction

_MODELS = sql.SQL(
    "(SELECT m.model_id, m.name, m.tags,"
    " pedigree.milliseconds(m.last_updated_at) AS updated_ms"
    " FROM pedigree.registered_model m WHERE m.deleted_at IS NULL) AS v"
)


def search_models(
    transaction: Transaction, asked: AskedPage, visible: Sequence[str] | None, *, seconds: float
) -> PageOfFound[FoundModel]:
    """Return a page of the living models that a filter finds.

    Args:
        transaction: Where to read.
        asked: The search.
        visible: Only models of these names exist for the caller; all models when None.
        seconds: How long it may take.

    Raises:
        SearchTooBroadError: It takes longer than it may.
    """
    try:
        found = _find(Execution(transaction, seconds), asked, visible)
    except TimeIsUpError as error:
        raise asked.too_broad(seconds) from error
    wanted = {"model_ids": [row["model_id"] for row in found[: asked.limit]]}
    shown = fetch_page(transaction, SQL["found_models"], wanted)
    newest = _newest(transaction, shown.rows)
    items = tuple(_model(row, newest.get(row["model_id"], ())) for row in shown.rows)
    return PageOfFound(items=items, next_token=asked.next_token(found, shown))


def _newest(transaction: Transaction, models: Sequence[Row]) -> dict[int, list[FoundVersion]]:
    """Return the newest versions of some models, by model."""
    keys = [(row["model_id"], version) for row in models for version in row["newest"]]
    found: dict[int, list[FoundVersion]] = {}
    for version in read_versions(transaction, keys):
        found.setdefault(version.model_id, []).append(version)
    return found


def _model(row: Row, newest: Sequence[FoundVersion]) -> FoundModel:
    known = {name: row[name] for name in ("model_id", "name", "created_ms", "updated_ms", "tags")}
    return FoundModel(
        **known,
        description=row["description"],
        aliases=row["aliases"] or {},
        newest=tuple(newest),
    )


def _find(execution: Execution, asked: AskedPage, visible: Sequence[str] | None) -> list[Row]:
    parameters = Parameters()
    statement = sql.SQL(
        "SELECT v.model_id, {columns} FROM {models} WHERE {filter} AND {after}"
        " ORDER BY {order} LIMIT {limit}"
    ).format(
        columns=asked.order.columns,
        models=_MODELS,
        filter=compared_model(asked.conditions, visible, parameters),
        after=asked.order.after(asked.after, parameters),
        order=asked.order.order,
        limit=parameters.add(asked.limit + 1),
    )
    return execution.ask(statement, parameters, ANY)

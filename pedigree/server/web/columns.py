"""The columns of a list of versions: chosen by the reader, and kept in the URL."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.datastructures import QueryParams

from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import Policy
from pedigree.server.web import words

_DEFAULT_METRICS = 3
_MOST = 12
_METRIC, _PARAM, _TAG = "metric:", "param:", "tag:"


class TableColumn(NamedTuple):
    """A column.

    Attributes:
        key: What the URL says.
        title: What its head says.
        is_number: Whether its values are numbers, and stand to the right.
        cell: Returns what it says of a version; None if the version has no such value.
    """

    key: str
    title: str
    is_number: bool
    cell: Callable[[ModelVersion], object]


CHART = "chart"
"""The parameter that names a metric whose picture is drawn."""
MOST_CHARTS = 4

CHECKS = "checks"
"""The key of the column that says how the checks ended, which the record of a version does not."""

_FIELDS = (
    TableColumn(CHECKS, "Checks", False, lambda version: None),  # noqa: ARG005
    TableColumn("registered", "Registered", False, lambda version: words.date(version.created_at)),
    TableColumn("by", "By", False, lambda version: words.person(version.created_by)),
    TableColumn("flavor", "Flavor", False, lambda version: version.flavor),
    TableColumn("size", "Size", True, lambda version: words.size(version.size)),
    TableColumn("risk", "Risk class", False, lambda version: version.risk_class),
    TableColumn("description", "Description", False, lambda version: version.description),
    TableColumn("run", "Run", False, lambda version: version.run_id),
    TableColumn("commit", "Commit", False, lambda version: version.git_commit),
    TableColumn("digest", "Digest", False, lambda version: words.short(version.digest)),
)
_DEFAULT_FIELDS = (CHECKS, "registered", "by")


def metric_names(versions: Sequence[ModelVersion], policy: Policy) -> list[str]:
    """Return the metrics that some versions have, the headline metric first."""
    rule = policy.champion_metric
    return sorted(
        {name for each in versions for name in each.metrics},
        key=lambda name: (rule is None or name != rule.metric, name),
    )


def chosen_charts(
    query: QueryParams, versions: Sequence[ModelVersion], policy: Policy
) -> list[str]:
    """Return the metrics of which a URL names the pictures; the first ones without any.

    Raises:
        InvalidInputError: It names too many, or one that no version of the page has.
    """
    known = metric_names(versions, policy)
    chosen = list(dict.fromkeys(query.getlist(CHART)))
    if len(chosen) > MOST_CHARTS:
        raise InvalidInputError(
            f"names {len(chosen)} metrics, but a page draws at most {MOST_CHARTS}",
            field=CHART,
            remedy="Choose fewer",
        )
    for name in chosen:
        if name not in known:
            raise InvalidInputError(
                "is not a metric of these versions",
                field=CHART,
                value=name,
                remedy="Choose metrics in the list below the pictures",
            )
    return chosen or known[:MOST_CHARTS]


def known_columns(versions: Sequence[ModelVersion]) -> tuple[TableColumn, ...]:
    """Return the columns that some versions have values for."""
    named = [
        *((_METRIC, name) for name in sorted({key for each in versions for key in each.metrics})),
        *((_PARAM, name) for name in sorted({key for each in versions for key in each.params})),
        *((_TAG, name) for name in sorted({key for each in versions for key in each.tags})),
    ]
    return (*(_named(kind, name) for kind, name in named), *_FIELDS)


def chosen_columns(
    query: QueryParams, versions: Sequence[ModelVersion], policy: Policy
) -> tuple[TableColumn, ...]:
    """Return the columns that a URL names; the headline metric and some others without any.

    Raises:
        InvalidInputError: It names too many, or one that does not exist.
    """
    keys = list(dict.fromkeys(query.getlist("column"))) or _default(versions, policy)
    if len(keys) > _MOST:
        raise InvalidInputError(
            f"names {len(keys)} columns, but a table has at most {_MOST}",
            field="column",
            remedy="Choose fewer",
        )
    return tuple(_column(key) for key in keys)


def _default(versions: Sequence[ModelVersion], policy: Policy) -> list[str]:
    metrics = metric_names(versions, policy)
    return [*(f"{_METRIC}{name}" for name in metrics[:_DEFAULT_METRICS]), *_DEFAULT_FIELDS]


def _column(key: str) -> TableColumn:
    for kind in (_METRIC, _PARAM, _TAG):
        if key.startswith(kind) and key != kind:
            return _named(kind, key.removeprefix(kind))
    for field in _FIELDS:
        if field.key == key:
            return field
    raise InvalidInputError(
        "is not a column",
        field="column",
        value=key,
        remedy="Choose columns in the list above the table",
    )


def _named(kind: str, name: str) -> TableColumn:
    if kind == _METRIC:

        def metric(version: ModelVersion) -> str | None:
            value = version.metrics.get(name)
            return None if value is None else words.number(value)

        return TableColumn(f"{kind}{name}", name, True, metric)
    if kind == _PARAM:
        return TableColumn(f"{kind}{name}", name, False, lambda version: version.params.get(name))
    return TableColumn(f"{kind}{name}", name, False, lambda version: version.tags.get(name))

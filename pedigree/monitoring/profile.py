"""Profile of a table, computed by the engine that holds the table.

::

    import ibis
    flights = ibis.bigquery.connect(...).table("flights")
    baseline = profile(flights, prediction="expected_delay")
    today = profile(served, like=baseline)

All expressions are ibis expressions, so they run on DuckDB, Spark, BigQuery, Snowflake or Trino. A
frame is profiled by DuckDB in this process.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pedigree.errors import InvalidInputError
from pedigree.libraries import library
from pedigree.monitoring.records import (
    CategoricalColumn,
    ColumnRole,
    DataProfile,
    NumericColumn,
)

if TYPE_CHECKING:
    from ibis.expr.types import Column, Scalar, Table
    from ibis.expr.types import NumericColumn as Numbers

BINS = 20
"""Number of bins of a histogram, with equally many values of the baseline in each bin."""
TOP = 50
"""Number of values of a categorical column with their own count; the rest is one bin."""

_STEPS = tuple(step / BINS for step in range(BINS + 1))


def profile(
    data: Any,
    *,
    prediction: str | None = None,
    categorical: Collection[str] = (),
    like: DataProfile | None = None,
) -> DataProfile:
    """Return the profile of a table.

    Args:
        data: An ibis table of any engine; or a frame of pandas, polars or pyarrow.
        prediction: The column with the model's predictions.
        categorical: Numeric columns that are categories, such as a postal code.
        like: A baseline: only its columns are profiled, with its edges and values.

    Raises:
        MissingDependencyError: The extra ``monitoring`` is not installed.
        InvalidInputError: The data is not a table, or lacks a named column.
    """
    table, engine = _table(data)
    _refuse_unknown(table, [*categorical, *([prediction] if prediction else [])])
    survey = _Survey(table, engine, like, frozenset(categorical), prediction)
    return survey.profile()


class _Survey:
    """Computation of a profile: summary, counts of numeric bins, and counts of each category."""

    def __init__(
        self,
        table: "Table",
        engine: Any,
        like: DataProfile | None,
        categorical: frozenset[str],
        prediction: str | None,
    ) -> None:
        self._engine = engine
        self._order = table.columns
        self._like = like
        self._roles = {prediction: ColumnRole.PREDICTION}
        if like:
            self._roles |= {column.name: column.role for column in like.columns}
            categorical |= {col.name for col in like.columns if col.kind == "categorical"}
        wanted = [name for name in table.columns if like is None or like.column(name)]
        kinds = {name: _kind(table[name], name in categorical) for name in wanted}
        self._numeric = [name for name, kind in kinds.items() if kind == "numeric"]
        self._categorical = [name for name, kind in kinds.items() if kind == "categorical"]
        self._skipped = tuple(name for name, kind in kinds.items() if kind is None)
        # Cast once and with short names: SQL that repeats a cast for each bin is long.
        numbers = {f"n{at}": _finite(table[name]) for at, name in enumerate(self._numeric)}
        texts = {f"c{at}": _text(table[name]) for at, name in enumerate(self._categorical)}
        self._table = table.select(**numbers, **texts) if numbers or texts else table

    def profile(self) -> DataProfile:
        """Query the engine, and return the profile."""
        summary = self._summary()
        edges = [
            self._edges(name, summary[f"quantiles_{at}"] or ())
            for at, name in enumerate(self._numeric)
        ]
        below = self._below(edges)
        found: dict[str, NumericColumn | CategoricalColumn] = {}
        for at, name in enumerate(self._numeric):
            reached = [below[f"below_{at}_{number}"] or 0 for number in range(len(edges[at]))]
            found[name] = self._numbers(at, edges[at], reached, summary)
        for at, name in enumerate(self._categorical):
            found[name] = self._categories(at, summary["rows"], summary[f"present_c{at}"])
        return DataProfile(
            rows=summary["rows"],
            columns=tuple(found[name] for name in self._order if name in found),
            skipped=self._skipped,
        )

    def _summary(self) -> Mapping[str, Any]:
        aggregates: dict[str, Scalar] = {"rows": self._table.count()}
        for at in range(len(self._numeric)):
            numbers: Numbers = self._table[f"n{at}"]
            aggregates[f"present_n{at}"] = numbers.count()
            aggregates[f"mean_{at}"] = numbers.mean()
            aggregates[f"deviation_{at}"] = numbers.std(how="sample")
            aggregates[f"quantiles_{at}"] = numbers.quantile(list(_STEPS))
        for at in range(len(self._categorical)):
            aggregates[f"present_c{at}"] = self._table[f"c{at}"].count()
        return self._one_row(aggregates)

    def _below(self, edges: Iterable[tuple[float, ...]]) -> Mapping[str, Any]:
        """Return how many values are at or below each edge."""
        aggregates: dict[str, Scalar] = {
            f"below_{at}_{number}": (self._table[f"n{at}"] <= edge).sum()
            for at, of_column in enumerate(edges)
            for number, edge in enumerate(of_column)
        }
        return self._one_row(aggregates) if aggregates else {}

    def _one_row(self, aggregates: Mapping[str, "Scalar"]) -> Mapping[str, Any]:
        (row,) = self._engine.to_pyarrow(self._table.aggregate(**aggregates)).to_pylist()
        return dict(row)

    def _edges(self, name: str, quantiles: Iterable[float]) -> tuple[float, ...]:
        baseline = self._like.column(name) if self._like else None
        if isinstance(baseline, NumericColumn):
            return baseline.edges
        distinct = sorted(set(map(float, quantiles)))
        # The smallest value must be above the first edge, so that the first bin is empty.
        return (math.nextafter(distinct[0], -math.inf), *distinct[1:]) if distinct else ()

    def _numbers(
        self, at: int, edges: tuple[float, ...], reached: list[int], summary: Mapping[str, Any]
    ) -> NumericColumn:
        present = summary[f"present_n{at}"]
        steps = zip([0, *reached], [*reached, present], strict=True)
        return NumericColumn(
            name=self._numeric[at],
            role=self._roles.get(self._numeric[at], ColumnRole.FEATURE),
            missing=summary["rows"] - present,
            mean=_number(summary[f"mean_{at}"]),
            deviation=_number(summary[f"deviation_{at}"]),
            quantiles=tuple(summary[f"quantiles_{at}"]) if present else (),
            edges=edges,
            counts=tuple(int(high - low) for low, high in steps),
        )

    def _categories(self, at: int, rows: int, present: int) -> CategoricalColumn:
        name = self._categorical[at]
        baseline = self._like.column(name) if self._like else None
        values = baseline.values if isinstance(baseline, CategoricalColumn) else None
        counted = self._count_values(f"c{at}", values)
        kept = tuple(counted) if values is None else values
        counts = tuple(counted.get(value, 0) for value in kept)
        return CategoricalColumn(
            name=name,
            role=self._roles.get(name, ColumnRole.FEATURE),
            missing=rows - present,
            values=kept,
            counts=counts,
            other=present - sum(counts),
        )

    def _count_values(self, column: str, values: tuple[str, ...] | None) -> dict[str, int]:
        """Return the counts of the given values, or of the most frequent ones if None."""
        ibis = library("ibis", extra="monitoring")
        texts = self._table.select(value=self._table[column])
        texts = texts.filter(texts.value.isin(values) if values else texts.value.notnull())
        counted = texts.group_by("value").aggregate(count=texts.count())
        counted = counted.order_by(ibis.desc("count"), "value").limit(len(values or ()) or TOP)
        return {row["value"]: row["count"] for row in self._engine.to_pyarrow(counted).to_pylist()}


def _table(data: Any) -> tuple["Table", Any]:
    """Return the data as an ibis table, and its engine."""
    ibis = library("ibis", extra="monitoring")
    if isinstance(data, ibis.expr.types.Table):
        backends, _ = data._find_backends()
        return data, backends[0] if backends else ibis.duckdb.connect()
    if type(data).__module__.partition(".")[0] == "pandas":
        # Through Arrow: ibis 12 uses an option of pandas 3 that warns.
        arrow = library("pyarrow", extra="monitoring")
        data = arrow.Table.from_pandas(data, preserve_index=False)
    try:
        return ibis.memtable(data), ibis.duckdb.connect()
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidInputError(
            "is not a table",
            field="data",
            value=type(data).__name__,
            remedy="Give an ibis table, or a frame of pandas, polars or pyarrow",
        ) from error


def _refuse_unknown(table: "Table", names: Iterable[str]) -> None:
    for name in names:
        if name not in table.columns:
            raise InvalidInputError(
                "the table has no such column",
                field="column",
                value=name,
                remedy=f"Choose one of {', '.join(table.columns)}",
            )


def _kind(column: "Column", categorical: bool) -> str | None:
    kind = column.type()
    if kind.is_numeric() and not kind.is_boolean() and not categorical:
        return "numeric"
    if categorical or kind.is_string() or kind.is_boolean():
        return "categorical"
    return None


def _finite(column: "Column") -> "Numbers":
    ibis = library("ibis", extra="monitoring")
    numbers: Numbers = column.cast("float64")
    if not column.type().is_floating():
        return numbers
    finite: Numbers = (numbers.isnan() | numbers.isinf()).ifelse(ibis.null("float64"), numbers)
    return finite


def _text(column: "Column") -> "Column":
    text: Column = column.cast("string")
    return text


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)

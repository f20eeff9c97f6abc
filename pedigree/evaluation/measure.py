"""Measurement of a model by group, with fairlearn's ``MetricFrame``.

::

    evaluation = evaluate(
        test["churn"], model.predict(test[FEATURES]), test[["contract", "senior"]],
        scores=model.predict_proba(test[FEATURES])[:, 1],
    )
    return TrainedModel(model=model, evaluation=evaluation, …)
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pedigree.errors import InvalidInputError
from pedigree.evaluation.records import OVERALL, Evaluation, GroupResult, Slice, Task
from pedigree.libraries import library

if TYPE_CHECKING:
    import pandas as pd

Column: TypeAlias = "pd.Series | Sequence[Any]"
Metric: TypeAlias = Callable[..., float]

EXTRA = "fairness"
MISSING = "(missing)"
JOINED_BY = " & "
# A column with more distinct values is a measurement, not a group; its groups would be single rows.
MOST_GROUPS = 100


def evaluate(
    truth: Column,
    predicted: Column,
    groups: "pd.DataFrame",
    *,
    task: Task | str | None = None,
    scores: "Column | None" = None,
    together: Iterable[Sequence[str]] = (),
    data: str | None = None,
) -> Evaluation:
    """Measure predictions for all rows and for each group of rows.

    Args:
        truth: The true value of each row; 0 and 1 (or booleans) for a binary task.
        predicted: The model's prediction of each row, with the same kind of values.
        groups: One column per slice, such as region; the columns need not be features of the model.
        task: The task of the model; inferred from ``truth`` if None.
        scores: The probability of 1, for ``roc_auc`` in a binary task.
        together: Columns whose combinations are groups, too, such as ``[("sex", "age_band")]``.
        data: The ID of the evaluation data.

    Raises:
        MissingDependencyError: fairlearn is not installed.
        InvalidInputError: The columns differ in length, are empty, or a slice has too many groups.
    """
    library("fairlearn", extra=EXTRA)
    pandas = library("pandas", extra=EXTRA)
    true, guessed = pandas.Series(list(truth)), pandas.Series(list(predicted))
    ranked = None if scores is None else pandas.Series(list(scores), dtype="float64")
    _same_length(len(true), predicted=guessed, groups=groups, scores=ranked)
    kind = Task(task) if task else task_of(true)
    columns = {name: _levels(groups[name]) for name in groups.columns}
    measured = _MeasuredGroup(kind, true, guessed, ranked)
    slices = [(str(name), [column]) for name, column in columns.items()]
    slices += [
        (JOINED_BY.join(names), [_column(columns, name) for name in names]) for names in together
    ]
    return Evaluation(
        task=kind,
        data=data,
        overall=measured.overall(),
        slices=tuple(measured.slice(name, of) for name, of in slices),
    )


def task_of(truth: "pd.Series") -> Task:
    """Return the task of a model, inferred from the true values.

    >>> import pandas as pd
    >>> task_of(pd.Series([0, 1, 1])), task_of(pd.Series([0.5, 3.2])), task_of(pd.Series(["a"]))
    (<Task.BINARY: 'binary'>, <Task.REGRESSION: 'regression'>, <Task.MULTICLASS: 'multiclass'>)
    """
    if set(truth.unique()) <= {0, 1}:
        return Task.BINARY
    return Task.REGRESSION if truth.dtype.kind == "f" else Task.MULTICLASS


class _MeasuredGroup:
    """The rows of an evaluation, and the metrics of their groups."""

    def __init__(
        self, task: Task, truth: "pd.Series", predicted: "pd.Series", scores: "pd.Series | None"
    ) -> None:
        self._truth, self._predicted, self._scores = truth, predicted, scores
        self._task = task

    def overall(self) -> GroupResult:
        """Return the metrics of all rows."""
        (result,) = self._results([["all"] * len(self._truth)])
        return result.model_copy(update={"group": OVERALL})

    def slice(self, name: str, columns: "list[pd.Series]") -> Slice:
        """Return the metrics of each group."""
        results = self._results(columns)
        if len(results) > MOST_GROUPS:
            raise InvalidInputError(
                f"has {len(results)} groups, which is too many",
                field="groups",
                value=name,
                remedy=f"Bin it into at most {MOST_GROUPS} groups, for example with pandas.cut",
            )
        return Slice(name=name, groups=tuple(results))

    def _results(self, columns: Sequence[Any]) -> list[GroupResult]:
        found = self._by_group(self._truth, self._predicted, _metrics(self._task), columns)
        if self._task is Task.BINARY and self._scores is not None:
            ranked = self._by_group(self._truth, self._scores, {"roc_auc": _roc_auc}, columns)
            for key, metrics in ranked.items():
                found[key] |= metrics
        return [
            GroupResult(
                group=group,
                count=int(metrics.pop("count")),
                metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
            )
            for group, metrics in found.items()
        ]

    @staticmethod
    def _by_group(
        truth: "pd.Series",
        predicted: "pd.Series",
        metrics: Mapping[str, Metric],
        columns: Sequence[Any],
    ) -> dict[str, dict[str, float]]:
        frame = library("fairlearn.metrics", extra=EXTRA).MetricFrame(
            metrics=dict(metrics),
            y_true=truth,
            y_pred=predicted,
            sensitive_features=_named(columns),
        )
        # The frame also has the combinations without rows, without values.
        found = frame.by_group.dropna(how="all")
        return {_key(index): dict(row) for index, row in found.iterrows()}


def _metrics(task: Task) -> dict[str, Metric]:
    measures = library("fairlearn.metrics", extra=EXTRA)
    scikit = library("sklearn.metrics", extra=EXTRA)
    found: dict[str, Metric] = {"count": measures.count}
    if task is Task.REGRESSION:
        return found | {
            "mean_absolute_error": scikit.mean_absolute_error,
            "root_mean_squared_error": scikit.root_mean_squared_error,
            "mean_error": _mean_error,
        }
    found["accuracy"] = scikit.accuracy_score
    if task is Task.BINARY:
        # A rate over no rows is undefined; fairlearn and scikit-learn return 0.
        found |= {
            "precision": _if_defined(scikit.precision_score, lambda _, guess: (guess == 1).any()),
            "true_positive_rate": _if_defined(
                measures.true_positive_rate, lambda true, _: (true == 1).any(), pos_label=1
            ),
            "false_positive_rate": _if_defined(
                measures.false_positive_rate, lambda true, _: (true == 0).any(), pos_label=1
            ),
            "selection_rate": measures.selection_rate,
        }
    return found


def _if_defined(metric: Metric, is_defined: Callable[[Any, Any], bool], **options: Any) -> Metric:
    def measured(truth: Any, predicted: Any) -> float:
        if not is_defined(truth, predicted):
            return math.nan
        return float(metric(truth, predicted, **options))

    return measured


def _roc_auc(truth: Any, scores: Any) -> float:
    if len(set(truth)) < 2:
        return math.nan  # undefined for a single class
    return float(library("sklearn.metrics", extra=EXTRA).roc_auc_score(truth, scores))


def _mean_error(truth: Any, predicted: Any) -> float:
    return float((predicted - truth).mean())


def _levels(column: "pd.Series") -> "pd.Series":
    """Return a column as strings, in which missing values are a group, too."""
    return column.reset_index(drop=True).map(str, na_action="ignore").fillna(MISSING)


def _named(columns: Sequence[Any]) -> Any:
    pandas = library("pandas", extra=EXTRA)
    return pandas.DataFrame({f"group{place}": column for place, column in enumerate(columns)})


def _key(index: Any) -> str:
    return JOINED_BY.join(index) if isinstance(index, tuple) else str(index)


def _column(columns: Mapping[Any, "pd.Series"], name: str) -> "pd.Series":
    if name not in columns:
        raise InvalidInputError(
            "is not a column of the groups",
            field="together",
            value=name,
            remedy=f"Choose one of {', '.join(map(str, columns))}",
        )
    return columns[name]


def _same_length(rows: int, **others: Any) -> None:
    if rows == 0:
        raise InvalidInputError(
            "has no rows, so there is nothing to measure", field="truth", remedy="Give rows"
        )
    for name, other in others.items():
        if other is not None and len(other) != rows:
            raise InvalidInputError(
                f"has a different number of rows than the truth, which has {rows}",
                field=name,
                value=len(other),
                remedy="Give one value per row of the evaluation data",
            )

"""Runs and logged models, read from a database of MLflow."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import select as query

from pedigree.transfer import mlflow_tables as t
from pedigree.transfer.origin_records import (
    OriginDataset,
    OriginLoggedModel,
    OriginRun,
    time_of,
)


class MlflowRuns:
    """Reads runs and logged models.

    Args:
        tables: The names of the tables that the database has; older ones lack some.
    """

    def __init__(self, tables: Collection[str]) -> None:
        self._tables = tables

    def run(self, connection: Connection, run_id: str) -> OriginRun | None:
        """Return a run; None if there is none."""
        if t.RUNS.name not in self._tables:
            return None
        row = connection.execute(query(t.RUNS).where(t.RUNS.c.run_uuid == run_id)).first()
        if row is None:
            return None
        return OriginRun(
            run_id=run_id,
            experiment_id=str(row.experiment_id),
            user=row.user_id or None,
            status=row.status or "",
            started_at=time_of(row.start_time),
            ended_at=time_of(row.end_time),
            artifacts=row.artifact_uri or None,
            metrics={
                each.key: float("nan") if each.is_nan else each.value
                for each in self._of(connection, t.METRICS, t.METRICS.c.run_uuid, run_id)
            },
            params=self._pairs(connection, t.PARAMS, t.PARAMS.c.run_uuid, run_id),
            tags=self._pairs(connection, t.RUN_TAGS, t.RUN_TAGS.c.run_uuid, run_id),
            datasets=self._datasets(connection, run_id),
        )

    def logged_model(self, connection: Connection, model_id: str) -> OriginLoggedModel | None:
        """Return a logged model; None if there is none, as before MLflow 3."""
        logged = t.LOGGED_MODELS
        if logged.name not in self._tables:
            return None
        row = connection.execute(query(logged).where(logged.c.model_id == model_id)).first()
        if row is None:
            return None
        metrics = query(t.LOGGED_METRICS).where(t.LOGGED_METRICS.c.model_id == model_id)
        newest = metrics.order_by(t.LOGGED_METRICS.c.metric_timestamp_ms)
        return OriginLoggedModel(
            model_id=model_id,
            run_id=row.source_run_id or None,
            artifacts=row.artifact_location or None,
            metrics={
                each.metric_name: each.metric_value
                for each in connection.execute(newest)
                if each.metric_value is not None
            },
            params={
                each.param_key: each.param_value
                for each in self._of(
                    connection, t.LOGGED_PARAMS, t.LOGGED_PARAMS.c.model_id, model_id
                )
            },
            tags={
                each.tag_key: each.tag_value
                for each in self._of(connection, t.LOGGED_TAGS, t.LOGGED_TAGS.c.model_id, model_id)
            },
            created_at=time_of(row.creation_timestamp_ms),
        )

    def _datasets(self, connection: Connection, run_id: str) -> tuple[OriginDataset, ...]:
        if not {t.INPUTS.name, t.DATASETS.name} <= set(self._tables):
            return ()
        inputs, datasets, tags = t.INPUTS.c, t.DATASETS.c, t.INPUT_TAGS.c
        asked = (
            query(t.DATASETS, tags.value)
            .join_from(t.INPUTS, t.DATASETS, datasets.dataset_uuid == inputs.source_id)
            .outerjoin(
                t.INPUT_TAGS,
                (tags.input_uuid == inputs.input_uuid) & (tags.name == "mlflow.data.context"),
            )
            .where(inputs.source_type == "DATASET", inputs.destination_type == "RUN")
            .where(inputs.destination_id == run_id)
            .order_by(datasets.name, datasets.digest)
        )
        return tuple(
            OriginDataset(
                name=row.name,
                digest=row.digest,
                source_type=row.dataset_source_type or "",
                source=row.dataset_source or "",
                context=row.value,
            )
            for row in connection.execute(asked)
        )

    def _pairs(self, connection: Connection, table: Any, key: Any, value: str) -> dict[str, str]:
        return {each.key: each.value or "" for each in self._of(connection, table, key, value)}

    @staticmethod
    def _of(connection: Connection, table: Any, key: Any, value: str) -> Any:
        return connection.execute(query(table).where(key == value))

"""The tables of a database of MLflow that are read, as its versions from 2.9 to 3.17 have them.

https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/store/model_registry/dbmodels/models.py and
``mlflow/store/tracking/dbmodels/models.py`` define them.
"""

from sqlalchemy import ColumnClause, column, table

MODELS = table(
    "registered_models",
    *map(column, ("name", "creation_time", "last_updated_time", "description")),
)
MODEL_TAGS = table("registered_model_tags", *map(column, ("name", "key", "value")))
ALIASES = table("registered_model_aliases", *map(column, ("name", "alias", "version")))
VERSIONS = table(
    "model_versions",
    *map(
        column,
        (
            *("name", "version", "creation_time", "last_updated_time", "description", "user_id"),
            *("current_stage", "source", "storage_location", "run_id", "run_link", "status"),
            "status_message",
        ),
    ),
)
VERSION_TAGS = table("model_version_tags", *map(column, ("name", "version", "key", "value")))
RUNS = table(
    "runs",
    *map(
        column,
        (
            *("run_uuid", "experiment_id", "user_id", "status", "start_time", "end_time"),
            "artifact_uri",
        ),
    ),
)
METRICS = table("latest_metrics", *map(column, ("run_uuid", "key", "value", "is_nan")))
PARAMS = table("params", *map(column, ("run_uuid", "key", "value")))
RUN_TAGS = table("tags", *map(column, ("run_uuid", "key", "value")))
INPUTS = table(
    "inputs",
    *map(column, ("input_uuid", "source_type", "source_id", "destination_type", "destination_id")),
)
INPUT_TAGS = table("input_tags", *map(column, ("input_uuid", "name", "value")))
DATASETS = table(
    "datasets",
    *map(column, ("dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source")),
)
LOGGED_MODELS = table(
    "logged_models",
    *map(column, ("model_id", "source_run_id", "artifact_location", "creation_timestamp_ms")),
)
LOGGED_METRICS = table(
    "logged_model_metrics",
    *map(column, ("model_id", "metric_name", "metric_value", "metric_timestamp_ms")),
)
LOGGED_PARAMS = table("logged_model_params", *map(column, ("model_id", "param_key", "param_value")))
LOGGED_TAGS = table("logged_model_tags", *map(column, ("model_id", "tag_key", "tag_value")))

DELETED = "Deleted_Internal"
"""The stage of a version that MLflow deleted, of which the row stays."""

WORKSPACE: ColumnClause[str] = column("workspace")
"""The column of workspaces of newer versions; a name may repeat in another workspace."""
DEFAULT_WORKSPACE = "default"

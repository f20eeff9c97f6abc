"""MLflow's own store over SQLite, with the versions of a registry: an oracle of searches."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.lazy import lazy

models = lazy("mlflow.store.model_registry.dbmodels.models")
stores = lazy("mlflow.store.model_registry.sqlalchemy_store")

Found = list[tuple[str, int]]


class OracleStore:
    """MLflow's store.

    Args:
        folder: Where its database is made.
    """

    def __init__(self, folder: Path) -> None:
        self._store = stores.SqlAlchemyStore(f"sqlite:///{folder / 'mlflow.db'}")

    def add_models(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add models with their tags."""
        with self._store.ManagedSessionMaker(read_only=False) as session:
            for row in rows:
                tags = [
                    models.SqlRegisteredModelTag(key=key, value=value)
                    for key, value in row["tags"].items()
                ]
                session.add(
                    models.SqlRegisteredModel(
                        name=row["name"],
                        creation_time=row["created_ms"],
                        last_updated_time=row["updated_ms"],
                        registered_model_tags=tags,
                    )
                )

    def add_versions(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add versions with their tags."""
        with self._store.ManagedSessionMaker(read_only=False) as session:
            for row in rows:
                tags = [
                    models.SqlModelVersionTag(key=key, value=value)
                    for key, value in row["tags"].items()
                ]
                session.add(
                    models.SqlModelVersion(
                        name=row["name"],
                        version=row["version"],
                        creation_time=row["created_ms"],
                        last_updated_time=row["updated_ms"],
                        source=row["source"],
                        run_id=row["run_id"],
                        model_version_tags=tags,
                    )
                )

    def versions(self, filter: str, order_by: list[str]) -> Found:
        """Return the versions that a search finds, in their order."""
        found = self._store.search_model_versions(filter, 1_000, order_by)
        return [(each.name, int(each.version)) for each in found]

    def models(self, filter: str, order_by: list[str]) -> list[str]:
        """Return the names of the models that a search finds, in their order."""
        return [each.name for each in self._store.search_registered_models(filter, 1_000, order_by)]

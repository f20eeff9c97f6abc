"""A registry of MLflow, read from its server by stock routes."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from pedigree.errors import OriginRefusedError
from pedigree.transfer.mlflow_api import API, ApiRefusedError, MlflowApi
from pedigree.transfer.origin_records import (
    OriginDataset,
    OriginFacts,
    OriginLoggedModel,
    OriginModel,
    OriginRun,
    OriginVersion,
    time_of,
)

T = TypeVar("T")

# A page of versions has all of their tags, of which each may be 100,000 characters long.
_PAGE = 500
_ABSENT = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"})


class MlflowServer:
    """A registry of MLflow at a server.

    Args:
        api: The server that has the registry.
        tracking: The server that has the runs; the same by default.
    """

    def __init__(self, api: MlflowApi, tracking: MlflowApi | None = None) -> None:
        self._api = api
        self._tracking = MlflowTracking(tracking or api)

    @property
    def uri(self) -> str:
        """Its URL, without credentials."""
        return self._api.uri

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._tracking.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *of_error: object) -> None:
        """Close the connections."""
        self.close()

    def models(self) -> Iterator[OriginModel]:
        """Yield all models.

        Raises:
            OriginRefusedError: The server refuses a request, or answers in another form.
            OriginUnavailableError: It does not answer.
        """
        yield from self._pages(
            "registered-models/search", "registered_models", _model, ["name ASC"]
        )

    def versions(self) -> Iterator[OriginVersion]:
        """Yield all versions, by name and number.

        Raises:
            OriginRefusedError: The server refuses a request, or answers in another form.
            OriginUnavailableError: It does not answer.
        """
        order = ["name ASC", "version_number ASC"]
        yield from self._pages("model-versions/search", "model_versions", _version, order)

    def deleted(self) -> None:
        """Return None: a server does not say which versions were deleted."""
        return

    def facts(self, version: OriginVersion) -> OriginFacts:
        """Return what is known of the run and the files of a version."""
        found = self._api.get(
            f"{API}/model-versions/get-download-uri", name=version.name, version=version.number
        )
        return self._tracking.facts(version, found.get("artifact_uri") or None)

    def _pages(
        self, route: str, field: str, read: Callable[[dict[str, Any]], T], order: list[str]
    ) -> Iterator[T]:
        token = None
        while True:
            page = self._api.get(
                f"{API}/{route}", max_results=_PAGE, order_by=order, page_token=token
            )
            for each in page.get(field) or ():
                yield read_as(read, each, route)
            token = page.get("next_page_token")
            if not token:
                return


class MlflowTracking:
    """The runs and logged models of a server of MLflow."""

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        # Versions of one run come one after the other.
        self._run = lru_cache(maxsize=256)(self._read_run)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def facts(self, version: OriginVersion, location: str | None) -> OriginFacts:
        """Return what is known of the run and the logged model of a version.

        Args:
            version: The version.
            location: Where its files are.

        Raises:
            OriginRefusedError: The server refuses a request, or answers in another form.
            OriginUnavailableError: It does not answer.
        """
        logged = self._logged_model(version.logged_model_id or logged_model_of(version.source))
        run_id = version.run_id or (logged.run_id if logged else None)
        run = self._run(run_id) if run_id else None
        return OriginFacts(run=run, logged_model=logged, location=location)

    def _read_run(self, run_id: str) -> OriginRun | None:
        found = self._found("runs/get", run_id=run_id)
        return None if found is None else read_as(_run, found.get("run"), "runs/get")

    def _logged_model(self, model_id: str | None) -> OriginLoggedModel | None:
        if model_id is None:
            return None
        route = f"logged-models/{model_id}"
        found = self._found(route)
        return None if found is None else read_as(_logged_model, found.get("model"), route)

    def _found(self, route: str, **parameters: object) -> dict[str, Any] | None:
        try:
            return self._api.get(f"{API}/{route}", **parameters)
        except ApiRefusedError as error:
            if error.refusal.code in _ABSENT:
                return None
            raise


def logged_model_of(source: str) -> str | None:
    """Return the id of the logged model that a source names.

    >>> logged_model_of("models:/m-0123"), logged_model_of("models:/churn/3")
    ('m-0123', None)
    """
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") and "/" not in name else None


def read_as(read: Callable[[dict[str, Any]], T], given: object, route: str) -> T:
    """Read an object of an answer.

    Raises:
        OriginRefusedError: It has another form than MLflow's.
    """
    try:
        if not isinstance(given, dict):
            raise TypeError(type(given).__name__)
        return read(given)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        raise OriginRefusedError(
            f"the answer to {route} has another form than MLflow's: {type(error).__name__}",
            remedy="Name the URL of an MLflow server from 2.9 on",
        ) from error


def _model(given: dict[str, Any]) -> OriginModel:
    return OriginModel(
        name=given["name"],
        description=given.get("description") or "",
        tags=_pairs(given.get("tags")),
        aliases={each["alias"]: int(each["version"]) for each in given.get("aliases") or ()},
        created_at=time_of(given.get("creation_timestamp")),
        updated_at=time_of(given.get("last_updated_timestamp")),
    )


def _version(given: dict[str, Any]) -> OriginVersion:
    return OriginVersion(
        name=given["name"],
        number=int(given["version"]),
        description=given.get("description") or "",
        tags=_pairs(given.get("tags")),
        stage=given.get("current_stage") or "None",
        status=given.get("status") or "READY",
        status_message=given.get("status_message") or "",
        source=given.get("source") or "",
        run_id=given.get("run_id") or None,
        run_link=given.get("run_link") or None,
        logged_model_id=given.get("model_id") or None,
        user=given.get("user_id") or None,
        created_at=time_of(given.get("creation_timestamp")),
        updated_at=time_of(given.get("last_updated_timestamp")),
    )


def _run(given: dict[str, Any]) -> OriginRun:
    info, data = given["info"], given.get("data") or {}
    inputs = (given.get("inputs") or {}).get("dataset_inputs") or ()
    return OriginRun(
        run_id=info["run_id"],
        experiment_id=str(info.get("experiment_id", "")),
        user=info.get("user_id") or None,
        status=info.get("status") or "",
        started_at=time_of(info.get("start_time")),
        ended_at=time_of(info.get("end_time")),
        artifacts=info.get("artifact_uri") or None,
        metrics={each["key"]: float(each["value"]) for each in data.get("metrics") or ()},
        params=_pairs(data.get("params")),
        tags=_pairs(data.get("tags")),
        datasets=tuple(_dataset(each) for each in inputs),
    )


def _dataset(given: dict[str, Any]) -> OriginDataset:
    dataset = given["dataset"]
    return OriginDataset(
        name=dataset["name"],
        digest=dataset["digest"],
        source_type=dataset.get("source_type") or "",
        source=dataset.get("source") or "",
        context=_pairs(given.get("tags")).get("mlflow.data.context"),
    )


def _logged_model(given: dict[str, Any]) -> OriginLoggedModel:
    info, data = given["info"], given.get("data") or {}
    return OriginLoggedModel(
        model_id=info["model_id"],
        run_id=info.get("source_run_id") or None,
        artifacts=info.get("artifact_uri") or None,
        metrics={each["key"]: float(each["value"]) for each in data.get("metrics") or ()},
        params=_pairs(data.get("params")),
        tags=_pairs(info.get("tags")),
        created_at=time_of(info.get("creation_timestamp_ms")),
    )


def _pairs(given: Any) -> dict[str, str]:
    return {each["key"]: each.get("value") or "" for each in given or ()}

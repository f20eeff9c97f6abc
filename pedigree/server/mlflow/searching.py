"""Searches for models and versions, in MLflow's grammar of filters and orders."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.catalog.mlflow_search.asked import AskedPage
from pedigree.catalog.mlflow_search.conditions import SearchedKind
from pedigree.catalog.mlflow_search.records import FoundModel, FoundVersion
from pedigree.postgres.pages import bound_pages
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.mlflow.fields import MlflowRequest, optional
from pedigree.server.mlflow.records import AliasAnswer, ModelAnswer, VersionAnswer, tag_answers
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()

_MOST_MODELS = 1_000
_MOST_VERSIONS = 200_000
# A page of 10,000 versions is usual, and has some 5 MiB.
_PAGE_BYTES = 16 << 20
_STATUSES = {"pending": "PENDING_REGISTRATION", "failed": "FAILED_REGISTRATION"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlflowSearch(MlflowRequest):
    """A search; a subclass says for what."""

    kind: ClassVar[SearchedKind]
    filter: str = optional("")
    max_results: int
    order_by: tuple[str, ...] = optional(())
    page_token: str = optional("")

    def asked(self) -> AskedPage:
        """Return the search.

        Raises:
            RefusedSearchError: MLflow refuses it.
        """
        return AskedPage.of(
            self.kind, self.filter, self.order_by, limit=self.max_results, token=self.page_token
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSearch(MlflowSearch):
    """A search for models."""

    kind: ClassVar = SearchedKind.MODELS
    max_results: int = optional(100, most=_MOST_MODELS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionSearch(MlflowSearch):
    """A search for versions."""

    kind: ClassVar = SearchedKind.VERSIONS
    max_results: int = optional(10_000, most=_MOST_VERSIONS)


class ModelsFound(Record):
    """A page of models."""

    registered_models: tuple[ModelAnswer, ...] | None = None
    next_page_token: str | None = None


class VersionsFound(Record):
    """A page of versions."""

    model_versions: tuple[VersionAnswer, ...] | None = None
    next_page_token: str | None = None


@routes.get("registered-models/search")
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def search_models(call: MlflowCall, asked: ModelSearch) -> ModelsFound:
    """Search for models."""
    page = call.registry.operations.mlflow_search.find_models(asked.asked())
    return ModelsFound(
        registered_models=tuple(map(_model, page.items)) or None,
        next_page_token=page.next_token,
    )


@routes.get("model-versions/search")
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def search_versions(call: MlflowCall, asked: VersionSearch) -> VersionsFound:
    """Search for versions."""
    bound_pages(_PAGE_BYTES)
    page = call.registry.operations.mlflow_search.find_versions(asked.asked())
    return VersionsFound(
        model_versions=tuple(map(_version, page.items)) or None,
        next_page_token=page.next_token,
    )


def _version(found: FoundVersion) -> VersionAnswer:
    return VersionAnswer(
        name=found.name,
        version=str(found.version),
        creation_timestamp=found.created_ms,
        last_updated_timestamp=found.updated_ms,
        description=found.description,
        current_stage=found.stage,
        source=found.source,
        run_id=found.run_id,
        run_link=found.run_link,
        status=_STATUSES.get(found.state, "READY"),
        status_message=found.state_reason if found.state in _STATUSES else None,
        tags=tag_answers(found.tags),
    )


def _model(found: FoundModel) -> ModelAnswer:
    return ModelAnswer(
        name=found.name,
        creation_timestamp=found.created_ms,
        last_updated_timestamp=found.updated_ms,
        description=found.description or None,
        latest_versions=tuple(map(_version, found.newest)) or None,
        tags=tag_answers(found.tags),
        aliases=_aliases(found.aliases),
    )


def _aliases(found: Mapping[str, int]) -> tuple[AliasAnswer, ...] | None:
    each = (AliasAnswer(alias=name, version=str(found[name])) for name in sorted(found))
    return tuple(each) or None

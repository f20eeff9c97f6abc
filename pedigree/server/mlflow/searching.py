"""Searches for models and versions, in MLflow's grammar of filters and orders."""

import dataclasses
from typing import ClassVar, NotRequired, TypedDict

from pedigree.access.records import Permission
from pedigree.catalog.mlflow_search.asked import AskedPage
from pedigree.catalog.mlflow_search.conditions import SearchedKind
from pedigree.catalog.mlflow_search.records import FoundModel, FoundVersion
from pedigree.postgres.pages import bound_pages
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.mlflow.fields import MlflowRequest, optional
from pedigree.server.mlflow.records import ModelAnswer, VersionAnswer, tag_answers
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


class ModelsFound(TypedDict):
    """A page of models."""

    registered_models: NotRequired[list[ModelAnswer]]
    next_page_token: NotRequired[str]


class VersionsFound(TypedDict):
    """A page of versions."""

    model_versions: NotRequired[list[VersionAnswer]]
    next_page_token: NotRequired[str]


@routes.get("registered-models/search")
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def search_models(call: MlflowCall, asked: ModelSearch) -> ModelsFound:
    """Search for models."""
    page = call.registry.operations.mlflow_search.find_models(asked.asked())
    shown: ModelsFound = {}
    if page.items:
        shown["registered_models"] = list(map(_model, page.items))
    if page.next_token is not None:
        shown["next_page_token"] = page.next_token
    return shown


@routes.get("model-versions/search")
@requires(Permission.READ, lists=True, use=Use.SEARCHES)
def search_versions(call: MlflowCall, asked: VersionSearch) -> VersionsFound:
    """Search for versions."""
    bound_pages(_PAGE_BYTES)
    page = call.registry.operations.mlflow_search.find_versions(asked.asked())
    shown: VersionsFound = {}
    if page.items:
        shown["model_versions"] = list(map(_version, page.items))
    if page.next_token is not None:
        shown["next_page_token"] = page.next_token
    return shown


def _version(found: FoundVersion) -> VersionAnswer:
    shown: VersionAnswer = {
        "name": found.name,
        "version": str(found.version),
        "creation_timestamp": found.created_ms,
        "last_updated_timestamp": found.updated_ms,
        "current_stage": found.stage,
        "source": found.source,
        "run_id": found.run_id,
        "status": _STATUSES.get(found.state, "READY"),
    }
    if found.description is not None:
        shown["description"] = found.description
    if found.run_link is not None:
        shown["run_link"] = found.run_link
    if found.state in _STATUSES and found.state_reason is not None:
        shown["status_message"] = found.state_reason
    if found.tags:
        shown["tags"] = tag_answers(found.tags)
    return shown


def _model(found: FoundModel) -> ModelAnswer:
    shown: ModelAnswer = {
        "name": found.name,
        "creation_timestamp": found.created_ms,
        "last_updated_timestamp": found.updated_ms,
    }
    if found.description:
        shown["description"] = found.description
    if found.newest:
        shown["latest_versions"] = list(map(_version, found.newest))
    if found.tags:
        shown["tags"] = tag_answers(found.tags)
    if aliases := found.aliases:
        shown["aliases"] = [
            {"alias": name, "version": str(aliases[name])} for name in sorted(aliases)
        ]
    return shown

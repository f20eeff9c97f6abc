"""The search of the MLflow protocol, for its door."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from pydantic_core import from_json

from pedigree.access.records import Permission
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.lifecycle.shown_stages import StagedVersion, newest_shown, shown_stage
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

if TYPE_CHECKING:
    from pedigree.catalog.mlflow_search.asked import AskedPage
    from pedigree.catalog.mlflow_search.records import FoundModel, FoundVersion, PageOfFound

T = TypeVar("T")


class MlflowSearchOperations(ContextGroup):
    """Search in the grammar of the MLflow protocol; stages are those that its clients see."""

    def find_models(self, asked: "AskedPage") -> "PageOfFound[FoundModel]":
        """Return a page of the models that a search finds, of those that the caller may read.

        Raises:
            SearchTooBroadError: It takes longer than it may.
        """
        from pedigree.catalog.mlflow_search import models  # noqa: PLC0415 -- loads sqlparse

        def read(
            transaction: Transaction, visible: Sequence[str] | None, seconds: float
        ) -> "PageOfFound[FoundModel]":
            page = models.search_models(transaction, asked, visible, seconds=seconds)
            policies = _policies(transaction, [one for each in page.items for one in each.newest])
            shown = tuple(_with_shown_stages(each, policies) for each in page.items)
            return page.model_copy(update={"items": shown})

        return self._search(read)

    def find_versions(self, asked: "AskedPage") -> "PageOfFound[FoundVersion]":
        """Return a page of the versions that a search finds, of those that the caller may read.

        Raises:
            SearchTooBroadError: It takes longer than it may.
        """
        from pedigree.catalog.mlflow_search import versions  # noqa: PLC0415 -- loads sqlparse

        def read(
            transaction: Transaction, visible: Sequence[str] | None, seconds: float
        ) -> "PageOfFound[FoundVersion]":
            page = versions.search_versions(transaction, asked, visible, seconds=seconds)
            policies = _policies(transaction, page.items)
            shown = tuple(_with_shown_stage(each, policies) for each in page.items)
            return page.model_copy(update={"items": shown})

        return self._search(read)

    def _search(self, work: Callable[[Transaction, Sequence[str] | None, float], T]) -> T:
        self._context.require_some(Permission.READ)
        seconds = self._context.settings.search_timeout.total_seconds()

        def read(connection: Transaction) -> T:
            return work(connection, self._context.visible_models(connection), seconds)

        return self._context.database.search(read)


def _policies(transaction: Transaction, found: Iterable["FoundVersion"]) -> dict[int, Policy]:
    """Return the policies of the models whose versions hold a stage."""
    from pedigree.catalog.mlflow_search import versions  # noqa: PLC0415 -- loads sqlparse

    staged = {each.model_id for each in found if each.stage != NO_STAGE}
    if not staged:
        return {}
    own = versions.read_policies(transaction, staged)
    return {
        model_id: _policy(own[model_id]) if model_id in own else read_policy(None)
        for model_id in staged
    }


@lru_cache(maxsize=64)  # many models have the same one
def _policy(stored: str) -> Policy:
    return read_policy(from_json(stored))


def _shown(version: "FoundVersion", policies: Mapping[int, Policy]) -> str:
    if version.stage == NO_STAGE:  # as most versions are
        return MlflowStage.NONE
    policy = policies.get(version.model_id)
    return shown_stage(policy or read_policy(None), version.stage)


def _with_shown_stage(version: "FoundVersion", policies: Mapping[int, Policy]) -> "FoundVersion":
    return version.model_copy(update={"stage": _shown(version, policies)})


def _with_shown_stages(model: "FoundModel", policies: Mapping[int, Policy]) -> "FoundModel":
    """Return a model with the newest version of each stage that clients see."""
    staged = [StagedVersion(each.version, each.stage) for each in model.newest]
    policy = policies.get(model.model_id) or read_policy(None)
    kept = set(newest_shown(policy, staged).values())
    shown = (_with_shown_stage(each, policies) for each in model.newest if each.version in kept)
    return model.model_copy(update={"newest": tuple(shown)})

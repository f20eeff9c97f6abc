"""Outputs of a step that are models."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import dagster as dg

from pedigree.catalog.names import validate_name
from pedigree.dagster import metadata_keys as metadata
from pedigree.dagster.assets.model_spec import (
    DEFAULT_PARTITION_NAME,
    MODEL_IO_MANAGER_KEY,
    ModelSpec,
    require_partition_name,
)
from pedigree.dagster.assets.training_code import TrainingCode
from pedigree.errors import InvalidInputError
from pedigree.flavors.plugins import get_flavor
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule, Policy

# Dagster's names for libraries that have an icon.
_KINDS = {"sklearn": "scikitlearn", "torch": "pytorch"}


class OutputOptions(TypedDict, total=False):
    """Arguments of ``dg.AssetOut``, passed through unchanged."""

    description: str
    metadata: Mapping[str, Any]
    tags: Mapping[str, str]
    owners: Sequence[str]
    kinds: set[str]
    group_name: str
    code_version: str
    automation_condition: dg.AutomationCondition[Any]
    freshness_policy: dg.FreshnessPolicy


class ModelOut:
    """A model among the outputs of a step.

    Args:
        name: The registered model's name.
        flavor: How the model is saved and loaded, such as ``sklearn``.
        policy: The requirements for entering each stage; the default policy when None.
        champion_metric: For the default policy: the metric that must not regress against the
            champion.
        partition_name: For a partitioned asset: the name of each partition's registered model.
        options: Arguments of ``dg.AssetOut``.

    Raises:
        InvalidInputError: The name is invalid, the flavor is not installed, or two of the
            arguments contradict each other.
    """

    def __init__(
        self,
        name: str,
        *,
        flavor: str,
        policy: Policy | None = None,
        champion_metric: MetricRule | None = None,
        partition_name: str = DEFAULT_PARTITION_NAME,
        **options: Unpack[OutputOptions],
    ) -> None:
        _refuse_two_policies(policy, champion_metric)
        get_flavor(flavor)
        self.options = options
        self.model_spec = ModelSpec(
            name=validate_name(name),
            flavor=flavor,
            partition_name=require_partition_name(name, partition_name),
            policy=policy or default_policy(champion_metric),
        )

    def asset_out(self, code: TrainingCode, *, required: bool = True) -> dg.AssetOut:
        """Return the output of a step that runs this code."""
        kind = str(self.model_spec.flavor)
        stated: dict[str, Any] = {
            "kinds": {_KINDS.get(kind, kind)},
            "description": code.description,
            "code_version": code.version,
            **self.options,
            "metadata": self._metadata(code),
        }
        return dg.AssetOut(
            key=self.model_spec.key,
            io_manager_key=MODEL_IO_MANAGER_KEY,
            is_required=required,
            **stated,
        )

    def _metadata(self, code: TrainingCode) -> dict[str, Any]:
        found = {
            **self.options.get("metadata", {}),
            metadata.MODEL_SPEC: dg.MetadataValue.json(self.model_spec.model_dump(mode="json")),
        }
        if reference := code.reference():
            found.setdefault(metadata.CODE_REFERENCES, reference)
        return found


def _refuse_two_policies(policy: Policy | None, champion_metric: MetricRule | None) -> None:
    if policy is not None and champion_metric is not None:
        raise InvalidInputError(
            "is part of the policy, but both are set",
            field="champion_metric",
            value=champion_metric.metric,
            remedy="Write policy=default_policy(champion_metric) or Policy(champion_metric=…)",
        )

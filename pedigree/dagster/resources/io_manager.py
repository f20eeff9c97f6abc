"""Hand models between assets: by the version that the upstream asset's materialization names.

::

    @dg.asset(ins={"model": dg.AssetIn(["models", "customer_churn", "production"])})
    def churn_scores(model: object, customers: pd.DataFrame) -> pd.DataFrame: ...

The value is the loaded model; a parameter annotated ``ModelVersion`` is given the record instead,
and one annotated ``Path`` the folder of the version's files.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelLine, plain_line
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.assets.training_step import register_in_step
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.event_archive import kept_by
from pedigree.dagster.capture.lineage import LineageCapture
from pedigree.dagster.capture.loads import report_load
from pedigree.dagster.capture.run_provenance import code_folder, current_context
from pedigree.dagster.capture.usages import uses_now
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import CorruptionError, InvalidMetadataError, VersionNotFoundError


class ModelIOManager(dg.ConfigurableIOManager):
    """Loads models for downstream assets; registers what a plain ``@dg.asset`` returns.

    A plain asset that returns a :class:`TrainedModel` makes a version of the model that its
    definition's metadata names, ``{"pedigree/model": name, "pedigree/flavor": flavor}``; else of
    the last part of its key. ``{"pedigree/policy": policy.model_dump(mode="json")}`` gives the
    model a policy. A partition makes a model of its own, called as
    ``"pedigree/partition_name"`` says, by default ``{name}-{partition}``. Its data version is
    Dagster's own: only ``@model_asset`` can make it the artifact's digest.
    """

    registry: dg.ResourceDependency[RegistryResource]
    flavor: str = Field(default="generic", description="For plain assets that name none")
    trust: list[str] = Field(
        default_factory=list,
        description="What may run while a model is loaded, as for Registry.load",
    )

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Register a trained model.

        Raises:
            InvalidMetadataError: The asset returned something else.
        """
        if not isinstance(obj, TrainedModel):
            raise InvalidMetadataError(
                f"{context.asset_key.to_user_string()} returned no TrainedModel",
                field="return value",
                value=type(obj).__name__,
                remedy="Return TrainedModel(…), or give the asset another IO manager",
            )
        current_context()  # refuses a call outside any run
        step = dg.AssetExecutionContext.get()
        registry = self.registry.connect()
        registered = register_in_step(
            step,
            registry,
            self._line(context),
            context.asset_key,
            obj,
            capture=LineageCapture(step, context.asset_key, kept_by(registry, step.instance)),
            folder=code_folder(step),
        )
        context.add_output_metadata(registered.metadata)

    def _line(self, context: dg.OutputContext) -> ModelLine:
        return plain_line(context.asset_key, context.definition_metadata or {}, self.flavor)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the version that the upstream materialization names; of many partitions, each.

        Raises:
            VersionNotFoundError: The asset was not materialized, or names no version.
            CorruptionError: The version's bytes are others than the materialization says.
        """
        if not context.has_asset_partitions:
            return self._load(context, None)
        partitions = list(context.asset_partition_keys)
        if len(partitions) == 1:
            return self._load(context, partitions[0])
        return {partition: self._load(context, partition) for partition in partitions}

    def _load(self, context: dg.InputContext, partition: str | None) -> Any:
        registry = self.registry.connect()
        reference, digest = _named(context, partition)
        version = registry.get(reference)
        if version.digest != digest:
            raise CorruptionError(
                f"the materialization of {reference} names another digest than the registry",
                field="digest",
                value=digest,
                remedy="Materialize the asset again; if it stays so, the database was edited",
            )
        asked = context.dagster_type.typing_type
        value: object
        if asked is ModelVersion:
            value = version
        elif asked is Path:
            value = registry.folder(version.reference)
        else:
            value = registry.load(version.reference, trust=self.trust)
        report_load(version, context.asset_key)
        for use in uses_now(context.asset_key):
            registry.operations.usages.record_usage(version.reference, use)
        return value


def _named(context: dg.InputContext, partition: str | None) -> tuple[str, str]:
    """Return the reference and digest that the upstream materialization names."""
    key = context.asset_key
    record = materializations.of_run(context.instance, key, partition, _run_id() or "")
    if record is None:
        raise _unnamed(key, partition, "was not materialized yet")
    said = record.event.metadata
    if metadata_keys.REFERENCE not in said or metadata_keys.DIGEST not in said:
        raise _unnamed(key, partition, "was materialized by something that registered no version")
    return str(said[metadata_keys.REFERENCE].value), str(said[metadata_keys.DIGEST].value)


def _run_id() -> str | None:
    try:
        return dg.OpExecutionContext.get().run_id
    except dg.DagsterError:
        return None  # loaded from a notebook, outside any run


def _unnamed(key: dg.AssetKey, partition: str | None, why: str) -> VersionNotFoundError:
    return VersionNotFoundError(
        f"{key.to_user_string()}{f' [{partition}]' if partition else ''} {why}",
        field="asset",
        value=key.to_user_string(),
        remedy="Materialize it first; a stage needs a version that holds it",
    )

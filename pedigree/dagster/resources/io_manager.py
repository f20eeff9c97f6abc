"""Pass models between assets: load the version of the upstream asset's materialization.

::

    @dg.asset(ins={"model": dg.AssetIn(["models", "customer_churn", "production"])})
    def churn_scores(model: object, customers: pd.DataFrame) -> pd.DataFrame: ...

The value is the loaded model. A parameter annotated ``ModelVersion`` receives the record instead,
and one annotated ``Path`` the folder of the version's files.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
from pydantic import Field

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.seal_states import unsealed_data_version
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelSpec, plain_model_spec
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.assets.training_step import register_in_step
from pedigree.dagster.capture import materializations
from pedigree.dagster.capture.code import code_of
from pedigree.dagster.capture.event_archive import archive_lookup
from pedigree.dagster.capture.judged_versions import judged_by_this_run
from pedigree.dagster.capture.lineage import LineageCapture
from pedigree.dagster.capture.loads import report_load
from pedigree.dagster.capture.run_provenance import code_folder, current_context
from pedigree.dagster.capture.usages import step_usages
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import CorruptionError, InvalidMetadataError, VersionNotFoundError


class _Files(Protocol):
    """What loads the files of versions: the registry, or its pending versions."""

    def folder(self, reference: str) -> Path: ...

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object: ...


class ModelIOManager(dg.ConfigurableIOManager):
    """Loads models for downstream assets; registers the output of a plain ``@dg.asset``.

    A plain asset that returns a :class:`TrainedModel` makes a version of a model. The definition's
    metadata configures it:

    * ``pedigree/model``: the model's name; the last part of the asset's key by default;
    * ``pedigree/flavor``: the flavor;
    * ``pedigree/policy``: the policy, ``policy.model_dump(mode="json")``;
    * ``pedigree/partition_name``: the name of each partition's model; ``{name}-{partition}`` by
      default.

    The data version is Dagster's own: only ``@model_asset`` can set it to the artifact's digest.
    """

    registry: dg.ResourceDependency[RegistryResource]
    flavor: str = Field(
        default="generic", description="The flavor of plain assets whose metadata has none"
    )
    trust: list[str] = Field(
        default_factory=list,
        description="Code that may run while a model is loaded, as for Registry.load",
    )

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Register a trained model.

        Raises:
            InvalidMetadataError: The asset returned something else.
        """
        if not isinstance(obj, TrainedModel):
            raise InvalidMetadataError(
                f"{context.asset_key.to_user_string()} did not return a TrainedModel",
                field="return value",
                value=type(obj).__name__,
                remedy="Return TrainedModel(…), or set another IO manager for the asset",
            )
        current_context()  # raises outside a run
        step = dg.AssetExecutionContext.get()
        registry = self.registry.connect()
        archive = archive_lookup(registry, step.instance)
        registered = register_in_step(
            step,
            registry,
            self._model_spec(context),
            context.asset_key,
            obj,
            capture=LineageCapture(step, context.asset_key, archive),
            code=code_of(
                registry.settings,
                code_folder(step),
                step.assets_def.specs_by_key[context.asset_key].metadata,
            ),
        )
        context.add_output_metadata(registered.metadata)

    def _model_spec(self, context: dg.OutputContext) -> ModelSpec:
        return plain_model_spec(context.asset_key, context.definition_metadata or {}, self.flavor)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the version of the upstream materialization; for several partitions, one each.

        Raises:
            VersionNotFoundError: The asset was not materialized, or names no version.
            CorruptionError: The version's digest differs from that in the materialization.
        """
        if (judged := judged_by_this_run(context.asset_key)) is not None:
            return self._load_judged(context, judged)
        if not context.has_asset_partitions:
            return self._load(context, None)
        partitions = list(context.asset_partition_keys)
        if len(partitions) == 1:
            return self._load(context, partitions[0])
        return {partition: self._load(context, partition) for partition in partitions}

    def _load(self, context: dg.InputContext, partition: str | None) -> Any:
        registry = self.registry.connect()
        reference, digest = _upstream_version(context, partition)
        version = registry.get(reference)
        if digest not in (version.data_version, unsealed_data_version(version.reference)):
            raise CorruptionError(
                f"the materialization of {reference} has another digest than the registry",
                field="digest",
                value=digest,
                remedy="Materialize the asset again; if the error stays, the database was edited",
            )
        value = self._value(context, version, registry)
        report_load(version, context.asset_key)
        for use in step_usages(context.asset_key):
            registry.operations.usages.record_usage(version.reference, use)
        return value

    def _load_judged(self, context: dg.InputContext, reference: str) -> Any:
        """Load the pending version that a run judges, which has no materialization yet."""
        files = self.registry.connect().operations.awaited_checks
        version = files.version(reference)
        value = self._value(context, version, files)
        report_load(version, context.asset_key)
        return value

    def _value(self, context: dg.InputContext, version: ModelVersion, files: _Files) -> Any:
        """Return a version as the parameter of the step wants it."""
        requested_type = context.dagster_type.typing_type
        if requested_type is ModelVersion:
            return version
        if requested_type is Path:
            return files.folder(version.reference)
        return files.load(version.reference, trust=self.trust)


def _upstream_version(context: dg.InputContext, partition: str | None) -> tuple[str, str]:
    """Return the reference and digest in the upstream materialization."""
    key = context.asset_key
    record = materializations.of_run(context.instance, key, partition, _run_id() or "")
    if record is None:
        raise _no_version(key, partition, "was not materialized yet")
    metadata = record.event.metadata
    if metadata_keys.REFERENCE not in metadata or metadata_keys.DIGEST not in metadata:
        raise _no_version(key, partition, "has a materialization without a version")
    return str(metadata[metadata_keys.REFERENCE].value), str(metadata[metadata_keys.DIGEST].value)


def _run_id() -> str | None:
    try:
        return dg.OpExecutionContext.get().run_id
    except dg.DagsterError:
        return None  # loaded from a notebook, outside any run


def _no_version(key: dg.AssetKey, partition: str | None, problem: str) -> VersionNotFoundError:
    return VersionNotFoundError(
        f"{key.to_user_string()}{f' [{partition}]' if partition else ''} {problem}",
        field="asset",
        value=key.to_user_string(),
        remedy="Materialize it first; a stage asset also needs a version in the stage",
    )

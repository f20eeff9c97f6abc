"""What happens inside the step of a model asset: train, register, tell Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg

from pedigree.catalog.records import Registration
from pedigree.dagster import metadata_keys as metadata
from pedigree.dagster.assets.materialization_metadata import StepResult, result_metadata
from pedigree.dagster.assets.model_spec import ModelLine
from pedigree.dagster.assets.preflight import check_beforehand
from pedigree.dagster.assets.trained_model import TrainedModel, register_trained
from pedigree.dagster.capture.code import code_of
from pedigree.dagster.capture.event_archive import kept_by
from pedigree.dagster.capture.inputs import InputSource, ModelInputs
from pedigree.dagster.capture.lineage import LineageCapture, StepStart
from pedigree.dagster.capture.recorded_reads import encoded
from pedigree.dagster.capture.run_provenance import RunProvenance, makes_partitions, provenance_of
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import InvalidInputError, InvalidMetadataError
from pedigree.lifecycle.policy import default_policy
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.registry import Registry


class TrainingStep:
    """A step that trains models, from its body's start on.

    Args:
        context: The step's context.
        outputs: The step's outputs in their order; those that are models, with their lines.
        sources: How the dependencies are loaded that the function loads itself.
        folder: Where the training's code lies.

    Raises:
        InvalidInputError: The function was called directly, one run is to train several
            partitions, or a model could not be registered: its name breaks the rule, the
            partition's key fits into no name, it cannot have the policy, or nothing knows the
            commit of the code.
        NameTakenError: A model's name has a twin, or belonged to one that was deleted.
        NotPermittedError: Others change the model's policy.
        UnavailableError: The registry does not answer.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        outputs: Mapping[str, ModelLine | None],
        sources: tuple[InputSource, ...],
        folder: Path,
    ) -> None:
        provenance_of(context)  # refuses a direct call before anything is trained
        _refuse_range(context)
        resource: RegistryResource = context.resources.registry
        self._registry = resource.connect()
        self._context = context
        self._outputs = tuple(outputs)
        self._models = {name: line for name, line in outputs.items() if line is not None}
        self._folder = folder
        kept = kept_by(self._registry, context.instance)
        self._captures = {
            name: LineageCapture(context, line.key, kept)
            for name, line in self._models.items()
            if name in context.op_execution_context.selected_output_names
        }
        check_beforehand(
            context, self._registry, (self._models[name] for name in self._captures), folder
        )
        self.inputs = ModelInputs(context, tuple(self._captures.values()), sources)

    def only_result(self, returned: object) -> StepResult:
        """Return what Dagster records of the one model of a step."""
        (name,) = self._outputs
        return self._registered(name, returned)

    def results(self, returned: object) -> Iterator[StepResult]:
        """Return what Dagster records of what a function with several outputs gave, in its order.

        Raises:
            InvalidMetadataError: It returned not one value for each output, or no model for one.
        """
        if isinstance(returned, Iterator):
            yield from map(self.result, returned)
        else:
            yield from map(self.result, self._by_output(returned))

    def result(self, given: object) -> StepResult:
        """Return what Dagster records of one output: a model is registered, the rest goes on."""
        if isinstance(given, dg.Output) and given.output_name in self._models:
            return self._registered(given.output_name, given.value)
        if isinstance(given, dg.MaterializeResult):
            for name, line in self._models.items():
                if line.key == given.asset_key:
                    return self._registered(name, given.value, given.check_results or ())
        return given

    def _by_output(self, returned: object) -> Iterator[object]:
        values = returned if isinstance(returned, tuple) else (returned,)
        if len(values) != len(self._outputs):
            raise InvalidMetadataError(
                f"the step has {len(self._outputs)} outputs, and its function returned "
                f"{len(values)} values",
                field="return value",
                value=type(returned).__name__,
                remedy=f"Return one value for each of {', '.join(self._outputs)}, or yield them",
            )
        for name, value in zip(self._outputs, values, strict=True):
            if isinstance(value, dg.MaterializeResult):
                key = self._context.asset_key_for_output(name)
                yield value._replace(asset_key=key)
            elif isinstance(value, dg.Output):
                yield _renamed(value, name)
            else:
                yield dg.Output(value, output_name=name)

    def _registered(
        self, name: str, trained: object, checked: Sequence[dg.AssetCheckResult] = ()
    ) -> StepResult:
        line = self._models[name]
        if not isinstance(trained, TrainedModel):
            raise InvalidMetadataError(
                f"the training of {line.name!r} returned no TrainedModel",
                field="return value",
                value=type(trained).__name__,
                remedy="Return TrainedModel(model=…, metrics=…, sample=…)",
            )
        registered = register_in_step(
            self._context,
            self._registry,
            line,
            line.key,
            trained,
            capture=self._captures[name],
            folder=self._folder,
        )
        version = registered.registration.version
        return dg.MaterializeResult(
            asset_key=line.key,
            data_version=dg.DataVersion(version.digest),
            tags={
                metadata.VERSION: str(version.version_id),
                **self._captures[name].pinned_tags(),
            },
            metadata={**registered.metadata, metadata.READS: encoded(self._captures[name].reads())},
            check_results=[*checked, *trained.check_results],
        )


class RegisteredOutput(NamedTuple):
    """A version that a step made, and what its materialization carries."""

    registration: Registration
    metadata: dict[str, Any]


def register_in_step(
    context: dg.AssetExecutionContext,
    registry: Registry,
    line: ModelLine,
    key: dg.AssetKey,
    trained: TrainedModel,
    *,
    capture: LineageCapture,
    folder: Path,
) -> RegisteredOutput:
    """Register what a step trained, with the step's lineage, and write its card.

    Args:
        context: The step's context.
        registry: The registry.
        line: The model.
        key: The asset that the step makes of it.
        trained: What the training handed over.
        capture: The step's inputs, watched from its start.
        folder: Where the training's code lies.

    Raises:
        InvalidInputError: What the training handed over cannot be registered.
        UnavailableError: The registry does not answer.
    """
    provenance = provenance_of(context, key)
    spec = context.assets_def.specs_by_key[key]
    name = line.registered_name(provenance.partition)
    trained = trained.completed(spec)
    lineage = _finish(context, capture, provenance, spec)
    if line.policy != default_policy():
        # Before the version, which is then no older than what is asked of it.
        registry.set_policy(name, line.policy, actor=registry.actor(provenance.actor))
    registration = register_trained(
        registry,
        name,
        trained,
        flavor=line.flavor or "generic",
        provenance=provenance,
        code=code_of(registry.settings, folder, spec.metadata),
        code_version=spec.code_version,
        lineage=lineage,
    )
    card = registry.write_card(registration.version.reference, trained.notes)
    found = result_metadata(registration, trained, lineage, registry.settings, card=card.location)
    return RegisteredOutput(registration, found)


def _finish(
    context: dg.AssetExecutionContext,
    capture: LineageCapture,
    provenance: RunProvenance,
    spec: dg.AssetSpec,
) -> LineageGraph:
    step = LineageNode(
        node_id=0,
        kind=NodeKind.STEP,
        asset=spec.key.to_user_string(),
        partition=provenance.partition,
        run_id=provenance.run_id,
        code_version=spec.code_version,
    )
    started = StepStart.of(context.instance, provenance.run_id, provenance.step_key or "")
    return capture.finish(step, started)


def _renamed(output: dg.Output[Any], name: str) -> dg.Output[Any]:
    return dg.Output(
        output.value,
        output_name=name,
        metadata=output.metadata,
        data_version=output.data_version,
        tags=output.tags,
    )


def _refuse_range(context: dg.AssetExecutionContext) -> None:
    if makes_partitions(context) and len(context.partition_keys) > 1:
        raise InvalidInputError(
            "one run is to train several partitions, and every one would get the same model",
            field="partitions",
            value=list(context.partition_keys),
            remedy="Launch one run per partition",
        )

"""The step of a model asset: train, register, return the result to Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg

from pedigree.catalog.records import Registration
from pedigree.dagster import metadata_keys as metadata
from pedigree.dagster.assets.materialization_metadata import StepResult, result_metadata
from pedigree.dagster.assets.model_spec import ModelSpec
from pedigree.dagster.assets.preflight import check_registrable
from pedigree.dagster.assets.trained_model import TrainedModel, register_trained
from pedigree.dagster.capture.event_archive import archive_lookup
from pedigree.dagster.capture.inputs import InputSource, ModelInputs
from pedigree.dagster.capture.lineage import LineageCapture, StepStart
from pedigree.dagster.capture.recorded_reads import encoded
from pedigree.dagster.capture.run_provenance import RunProvenance, makes_partitions, provenance_of
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import InvalidInputError, InvalidMetadataError
from pedigree.lifecycle.policy import default_policy
from pedigree.lineage.code import CodeState
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.registry import Registry


class TrainingStep:
    """A step that trains models, created when its body starts.

    Args:
        context: The step's context.
        outputs: The step's outputs in order; the models with their specs, the others with None.
        sources: How to load the dependencies that the function loads itself.
        folder: The folder of the training's code.

    Raises:
        InvalidInputError: The function was called directly, one run would train several
            partitions, or a model could not be registered: its name is invalid, the partition's
            key makes it too long, it cannot have the policy, or the commit of the code is unknown.
        NameTakenError: A model's name differs too little from another one, or belonged to a
            deleted model.
        NotPermittedError: The actor may not change the model's policy.
        UnavailableError: The registry does not answer.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        outputs: Mapping[str, ModelSpec | None],
        sources: tuple[InputSource, ...],
        folder: Path,
    ) -> None:
        provenance_of(context)  # raises on a direct call, before anything is trained
        _refuse_range(context)
        resource: RegistryResource = context.resources.registry
        self._registry = resource.connect()
        self._context = context
        self._outputs = tuple(outputs)
        self._models = {
            name: model_spec for name, model_spec in outputs.items() if model_spec is not None
        }
        archive = archive_lookup(self._registry, context.instance)
        self._captures = {
            name: LineageCapture(context, model_spec.key, archive)
            for name, model_spec in self._models.items()
            if name in context.op_execution_context.selected_output_names
        }
        self._code = check_registrable(
            context, self._registry, (self._models[name] for name in self._captures), folder
        )
        self.inputs = ModelInputs(context, tuple(self._captures.values()), sources)

    def only_result(self, returned: object) -> StepResult:
        """Return the result for the only model of a step."""
        (name,) = self._outputs
        return self._registered(name, returned)

    def results(self, returned: object) -> Iterator[StepResult]:
        """Return the results for a function with several outputs, in its order.

        Raises:
            InvalidMetadataError: The number of values differs from the number of outputs, or the
                value of a model's output is not a TrainedModel.
        """
        if isinstance(returned, Iterator):
            yield from map(self.result, returned)
        else:
            yield from map(self.result, self._by_output(returned))

    def result(self, given: object) -> StepResult:
        """Return the result for one output: register a model, pass other values through."""
        if isinstance(given, dg.Output) and given.output_name in self._models:
            return self._registered(given.output_name, given.value)
        if isinstance(given, dg.MaterializeResult):
            for name, model_spec in self._models.items():
                if model_spec.key == given.asset_key:
                    return self._registered(name, given.value, given.check_results or ())
        return given

    def _by_output(self, returned: object) -> Iterator[object]:
        values = returned if isinstance(returned, tuple) else (returned,)
        if len(values) != len(self._outputs):
            raise InvalidMetadataError(
                f"the step has {len(self._outputs)} outputs, but its function returned "
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
        model_spec = self._models[name]
        if not isinstance(trained, TrainedModel):
            raise InvalidMetadataError(
                f"the training of {model_spec.name!r} did not return a TrainedModel",
                field="return value",
                value=type(trained).__name__,
                remedy="Return TrainedModel(model=…, metrics=…, sample=…)",
            )
        registered = register_in_step(
            self._context,
            self._registry,
            model_spec,
            model_spec.key,
            trained,
            capture=self._captures[name],
            code=self._code[model_spec.key],
        )
        version = registered.registration.version
        return dg.MaterializeResult(
            asset_key=model_spec.key,
            data_version=dg.DataVersion(version.data_version),
            tags={
                metadata.VERSION: str(version.version_id),
                **self._captures[name].input_tags(),
            },
            metadata={**registered.metadata, metadata.READS: encoded(self._captures[name].reads())},
            check_results=[*checked, *trained.check_results],
        )


class RegisteredOutput(NamedTuple):
    """A version that a step made, and the metadata of its materialization."""

    registration: Registration
    metadata: dict[str, Any]


def register_in_step(
    context: dg.AssetExecutionContext,
    registry: Registry,
    model_spec: ModelSpec,
    key: dg.AssetKey,
    trained: TrainedModel,
    *,
    capture: LineageCapture,
    code: CodeState,
) -> RegisteredOutput:
    """Register what a step trained, with the step's lineage, and write its card.

    Args:
        context: The step's context.
        registry: The registry.
        model_spec: The model's spec.
        key: The asset that the step materializes.
        trained: What the training returned.
        capture: The step's inputs, captured from its start.
        code: The commit of the training's code.

    Raises:
        InvalidInputError: What the training returned cannot be registered.
        UnavailableError: The registry does not answer.
    """
    provenance = provenance_of(context, key)
    spec = context.assets_def.specs_by_key[key]
    name = model_spec.registered_name(provenance.partition)
    trained = trained.completed(spec)
    lineage = _finish(context, capture, provenance, spec)
    if model_spec.policy != default_policy():
        # Before the version, so that the version is not older than its policy.
        registry.set_policy(name, model_spec.policy, actor=registry.actor(provenance.actor))
    registration = register_trained(
        registry,
        name,
        trained,
        flavor=model_spec.flavor or "generic",
        provenance=provenance,
        code=code,
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
            "one run would train several partitions, and all would get the same model",
            field="partitions",
            value=list(context.partition_keys),
            remedy="Launch one run per partition",
        )

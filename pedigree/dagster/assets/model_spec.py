"""Model specs: how the definition of an asset maps to the registered models that it makes."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, TypeAlias

import dagster as dg
from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.names import validate_name
from pedigree.catalog.partitions import partition_in_name
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.names import model_key, stage_key
from pedigree.errors import InvalidInputError, InvalidNameError
from pedigree.lifecycle.policy import default_policy, parse_policy
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, Policy

MODEL_IO_MANAGER_KEY = "model_io_manager"
DEFAULT_PARTITION_NAME = "{name}-{partition}"


class ModelSpec(Record):
    """One model asset, and the registered model (or one per partition) that it makes."""

    name: str
    asset: tuple[str, ...] = Field(
        default=(), description="The key of the model's asset; models/<name> when empty"
    )
    flavor: str | None = Field(default=None, description="None when only the name is known")
    partition_name: str = Field(
        default=DEFAULT_PARTITION_NAME,
        description="Template of the registered model's name for a partition",
    )
    policy: Policy = Field(default_factory=default_policy)

    @property
    def key(self) -> dg.AssetKey:
        """The key of the model's asset."""
        return dg.AssetKey(self.asset) if self.asset else model_key(self.name)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are assets: all between candidate and archived."""
        names = (rule.name for rule in self.policy.stages)
        return tuple(name for name in names if name not in {CANDIDATE, ARCHIVED})

    def stage_key(self, stage: str) -> dg.AssetKey:
        """Return the key of the asset of a stage."""
        return stage_key(self.name, stage)

    def stage_before(self, stage: str) -> str | None:
        """Return the stage from which versions enter a stage: the nearest one before it.

        None if versions enter it from no earlier stage: then they come from the model's asset.
        """
        rule = self.policy.rule(stage)
        before = self.stages[: self.stages.index(stage)] if stage in self.stages else ()
        after = rule.after if rule else ()
        return next((name for name in reversed(before) if name in after), None)

    def source_key(self, stage: str) -> dg.AssetKey:
        """Return the key of the asset that a stage's asset depends on."""
        before = self.stage_before(stage)
        return self.key if before is None else self.stage_key(before)

    def registered_name(self, partition: str | None) -> str:
        """Return the name of the registered model of a partition.

        Raises:
            InvalidNameError: The partition's key makes the model's name too long.
        """
        if partition is None:
            return self.name
        written = partition_in_name(partition)
        try:
            return validate_name(self.partition_name.format(name=self.name, partition=written))
        except InvalidNameError as error:
            raise InvalidNameError(
                f"makes a model whose name {error.message}",
                field="partition",
                value=partition,
                remedy="Use a shorter partition key, or another partition_name for the asset",
            ) from error

    def require_names(self, partitions: dg.PartitionsDefinition[str] | None) -> None:
        """Check that all partitions that are known from the definition give valid model names.

        Keys of dynamic partitions are not known: a training checks its own key before it starts.

        Raises:
            InvalidNameError: A partition gives an invalid name.
        """
        for key in known_keys(partitions):
            self.registered_name(key)


def require_partition_name(name: str, template: str) -> str:
    """Return the template of partitions' model names after checking that it gives valid names.

    Args:
        name: The model's name.
        template: A text with ``{partition}`` and optionally ``{name}``.

    Raises:
        InvalidInputError: It lacks ``{partition}``, has another field, or gives invalid names.
    """
    if problem := _template_problem(name, template):
        raise InvalidInputError(
            problem,
            field="partition_name",
            value=template,
            remedy="Write, for example, {name}-{partition}",
        )
    return template


def _template_problem(name: str, template: str) -> str | None:
    try:
        parsed = [(field, spec or kind) for _, field, spec, kind in Formatter().parse(template)]
    except ValueError as error:
        return f"is not a valid format string: {error}"
    fields = {field for field, _ in parsed if field is not None}
    if "partition" not in fields:
        return "must contain {partition}; otherwise all partitions would share one model"
    if others := sorted(fields - {"name", "partition"}):
        return f"contains {{{others[0]}}}, but only {{name}} and {{partition}} are supported"
    if any(formatting for _, formatting in parsed):
        return "formats a field, so different partitions could get the same name"
    made = template.format(name=name, partition="0")
    try:
        validate_name(made)
    except InvalidNameError as error:
        return f"gives names such as {made!r}, which {error.message}"
    return None


def known_keys(partitions: dg.PartitionsDefinition[str] | None) -> list[str]:
    """Return the keys that are known from a definition alone, as far as names depend on them.

    For time windows it is one key, since all have the same format. For several dimensions it is the
    combination with the longest name; none if a dimension is dynamic.
    """
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        first = partitions.get_first_partition_key()
        return [first] if first is not None else []
    if isinstance(partitions, dg.MultiPartitionsDefinition):
        longest: dict[str, str] = {}
        for dimension in partitions.partitions_defs:
            keys = known_keys(dimension.partitions_def)
            if not keys:
                return []
            longest[dimension.name] = max(keys, key=lambda key: len(partition_in_name(key)))
        return [dg.MultiPartitionKey(longest)]
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        return list(partitions.get_partition_keys())
    return []


ModelLike: TypeAlias = dg.AssetsDefinition | ModelSpec | str


def model_spec_of(model: ModelLike) -> ModelSpec:
    """Return the spec of a model's asset, or the default spec of a name.

    Raises:
        InvalidInputError: The asset was not made by ``@model_asset``, or makes several models.
        InvalidNameError: The name is invalid.
    """
    model_specs = model_specs_of(model)
    if len(model_specs) > 1:
        raise InvalidInputError(
            "makes several models, so the reference is ambiguous",
            field="model",
            value=[model_spec.name for model_spec in model_specs],
            remedy="Pass the spec of one of them: model_specs_of(asset)[0]",
        )
    return model_specs[0]


def registered_name(model: ModelLike, partition: str | None) -> str:
    """Return the name of the registered model that a partition of a model's asset makes.

    ::

        registry.get(f"{registered_name(churn, '2026-03-01-05:00')}@production")

    Raises:
        InvalidInputError: The asset was not made by ``@model_asset``, or makes several models.
        InvalidNameError: The partition's key makes the model's name too long.
    """
    return model_spec_of(model).registered_name(partition)


def model_specs_of(*models: ModelLike) -> tuple[ModelSpec, ...]:
    """Return the specs of all models that some assets make, in the order of their outputs.

    A plain asset makes one model per output that the model IO manager stores.

    Raises:
        InvalidInputError: One of them is not a model asset.
        InvalidPolicyError: The policy in a plain asset's metadata is invalid.
        InvalidNameError: A name is invalid.
    """
    return tuple(model_spec for model in models for model_spec in _model_specs_of(model))


def _model_specs_of(model: ModelLike) -> list[ModelSpec]:
    if isinstance(model, ModelSpec):
        return [model]
    if isinstance(model, str):
        return [ModelSpec(name=validate_name(model))]
    outputs = (_output_model_spec(model, spec) for spec in model.specs)
    if model_specs := [model_spec for model_spec in outputs if model_spec is not None]:
        return model_specs
    raise InvalidInputError(
        "is not a model asset",
        field="model",
        value=sorted(key.to_user_string() for key in model.keys),
        remedy="Pass an asset made by @model_asset or stored by the model IO manager, or the"
        " model's name",
    )


def _output_model_spec(model: dg.AssetsDefinition, spec: dg.AssetSpec) -> ModelSpec | None:
    if (stored := _value(spec.metadata, metadata_keys.MODEL_SPEC)) is not None:
        return ModelSpec.model_validate(stored)
    is_stored = model.get_io_manager_key_for_asset_key(spec.key) == MODEL_IO_MANAGER_KEY
    if metadata_keys.STAGE in spec.metadata or not (
        is_stored or metadata_keys.MODEL in spec.metadata
    ):
        return None
    model_spec = plain_model_spec(spec.key, spec.metadata)
    model_spec.require_names(spec.partitions_def)
    return model_spec


def plain_model_spec(
    key: dg.AssetKey, metadata: Mapping[str, Any], flavor: str | None = None
) -> ModelSpec:
    """Return the spec of a plain asset from its definition's metadata.

    Args:
        key: The asset's key; its last part is the model's name if the metadata has none.
        metadata: The definition's metadata.
        flavor: How the model is saved, if the metadata has no flavor.

    Raises:
        InvalidInputError: The template of the partitions' names is invalid.
        InvalidNameError: The name is invalid.
        InvalidPolicyError: The policy is invalid.
    """
    policy = _value(metadata, metadata_keys.POLICY)
    chosen_flavor = _value(metadata, metadata_keys.FLAVOR) or flavor
    name = validate_name(str(_value(metadata, metadata_keys.MODEL) or key.path[-1]))
    template = str(_value(metadata, metadata_keys.PARTITION_NAME) or DEFAULT_PARTITION_NAME)
    return ModelSpec(
        name=name,
        asset=tuple(key.path),
        flavor=None if chosen_flavor is None else str(chosen_flavor),
        partition_name=require_partition_name(name, template),
        policy=default_policy() if policy is None else parse_policy(policy),
    )


def _value(definition_metadata: Mapping[str, Any], name: str) -> Any:
    value = definition_metadata.get(name)
    return value.value if isinstance(value, dg.MetadataValue) else value

"""A model line: what a model's asset says of the registered models it makes."""

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


class ModelLine(Record):
    """One model asset, and the registered model (or one per partition) that it makes."""

    name: str
    asset: tuple[str, ...] = Field(
        default=(), description="The key of the model's asset; models/<name> where it is empty"
    )
    flavor: str | None = Field(default=None, description="None where only the name is known")
    partition_name: str = Field(
        default=DEFAULT_PARTITION_NAME, description="The registered model's name, of a partition"
    )
    policy: Policy = Field(default_factory=default_policy)

    @property
    def key(self) -> dg.AssetKey:
        """The key of the model's asset."""
        return dg.AssetKey(self.asset) if self.asset else model_key(self.name)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are assets: those between candidate and archived."""
        names = (rule.name for rule in self.policy.stages)
        return tuple(name for name in names if name not in {CANDIDATE, ARCHIVED})

    def stage_key(self, stage: str) -> dg.AssetKey:
        """Return the key of one of its stages' assets."""
        return stage_key(self.name, stage)

    def stage_before(self, stage: str) -> str | None:
        """Return the stage asset that versions come from into a stage: the nearest before it.

        None for a stage that versions enter from none of those before it: they come from the
        model's asset.
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
        """Return the name of the registered model that a partition makes.

        Raises:
            InvalidNameError: The partition's key does not fit into a model's name, as it is long.
        """
        if partition is None:
            return self.name
        written = partition_in_name(partition)
        try:
            return validate_name(self.partition_name.format(name=self.name, partition=written))
        except InvalidNameError as error:
            raise InvalidNameError(
                f"makes a model of which the name {error.message}",
                field="partition",
                value=partition,
                remedy="Give it a shorter key, or the asset another partition_name",
            ) from error

    def require_names(self, partitions: dg.PartitionsDefinition[str] | None) -> None:
        """Refuse partitions that would make models without a valid name, as far as they are known.

        Keys of dynamic partitions are not: a training looks at its own before it begins.

        Raises:
            InvalidNameError: One would.
        """
        for key in known_keys(partitions):
            self.registered_name(key)


def require_partition_name(name: str, template: str) -> str:
    """Return what names the models of partitions, if it gives each of them a valid name.

    Args:
        name: The model's name.
        template: A text with ``{partition}`` in it, and maybe ``{name}``.

    Raises:
        InvalidInputError: It has no ``{partition}``, another field, or gives no valid names.
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
        return f"cannot be read: {error}"
    fields = {field for field, _ in parsed if field is not None}
    if "partition" not in fields:
        return "must contain {partition}, or all partitions would be one model"
    if others := sorted(fields - {"name", "partition"}):
        return f"has {{{others[0]}}}, and only {{name}} and {{partition}} are known"
    if any(how for _, how in parsed):
        return "says how to write a field, by which different partitions could become one"
    made = template.format(name=name, partition="0")
    try:
        validate_name(made)
    except InvalidNameError as error:
        return f"gives names such as {made!r}, of which each {error.message}"
    return None


def known_keys(partitions: dg.PartitionsDefinition[str] | None) -> list[str]:
    """Return the keys that a definition tells by itself.

    Of time windows it is one, as all are written alike; of several dimensions the one that is the
    longest in a name; none where a dimension is dynamic.
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


ModelLike: TypeAlias = dg.AssetsDefinition | ModelLine | str


def line_of(model: ModelLike) -> ModelLine:
    """Return the line of a model's asset, or the default line of a name.

    Raises:
        InvalidInputError: The asset was not made by ``@model_asset``, or makes several models.
        InvalidNameError: The name breaks the rule.
    """
    lines = lines_of(model)
    if len(lines) > 1:
        raise InvalidInputError(
            "makes several models, so it does not say which one is meant",
            field="model",
            value=[line.name for line in lines],
            remedy="Give the line of one of them: lines_of(asset)[0]",
        )
    return lines[0]


def registered_name(model: ModelLike, partition: str | None) -> str:
    """Return the name of the registered model that a partition of a model's asset makes.

    ::

        registry.get(f"{registered_name(churn, '2026-03-01-05:00')}@production")

    Raises:
        InvalidInputError: The asset was not made by ``@model_asset``, or makes several models.
        InvalidNameError: The partition's key does not fit into a model's name, as it is long.
    """
    return line_of(model).registered_name(partition)


def lines_of(*models: ModelLike) -> tuple[ModelLine, ...]:
    """Return the lines of all models that some assets make, in the order of their outputs.

    A plain asset makes one with each output that the model IO manager stores.

    Raises:
        InvalidInputError: One of them is no model asset.
        InvalidPolicyError: What a plain asset's metadata names as its policy is none.
        InvalidNameError: A name breaks the rule.
    """
    return tuple(line for model in models for line in _lines_of(model))


def _lines_of(model: ModelLike) -> list[ModelLine]:
    if isinstance(model, ModelLine):
        return [model]
    if isinstance(model, str):
        return [ModelLine(name=validate_name(model))]
    if lines := [
        line for spec in model.specs if (line := _line_of_output(model, spec)) is not None
    ]:
        return lines
    raise InvalidInputError(
        "is no model asset",
        field="model",
        value=sorted(key.to_user_string() for key in model.keys),
        remedy="Give an asset made by @model_asset or stored by the model IO manager, or the"
        " model's name",
    )


def _line_of_output(model: dg.AssetsDefinition, spec: dg.AssetSpec) -> ModelLine | None:
    if (stored := _value(spec.metadata, metadata_keys.LINE)) is not None:
        return ModelLine.model_validate(stored)
    is_stored = model.get_io_manager_key_for_asset_key(spec.key) == MODEL_IO_MANAGER_KEY
    if metadata_keys.STAGE in spec.metadata or not (
        is_stored or metadata_keys.MODEL in spec.metadata
    ):
        return None
    line = plain_line(spec.key, spec.metadata)
    line.require_names(spec.partitions_def)
    return line


def plain_line(key: dg.AssetKey, said: Mapping[str, Any], flavor: str | None = None) -> ModelLine:
    """Return the line of a plain asset, as its definition's metadata says.

    Args:
        key: The asset's key, whose last part names the model where the metadata does not.
        said: The metadata.
        flavor: How the model is saved, where the metadata does not say.

    Raises:
        InvalidInputError: The partitions' name gives no valid names.
        InvalidNameError: The name breaks the rule.
        InvalidPolicyError: What is named as its policy is none.
    """
    policy = _value(said, metadata_keys.POLICY)
    named = _value(said, metadata_keys.FLAVOR) or flavor
    name = validate_name(str(_value(said, metadata_keys.MODEL) or key.path[-1]))
    template = str(_value(said, metadata_keys.PARTITION_NAME) or DEFAULT_PARTITION_NAME)
    return ModelLine(
        name=name,
        asset=tuple(key.path),
        flavor=None if named is None else str(named),
        partition_name=require_partition_name(name, template),
        policy=default_policy() if policy is None else parse_policy(policy),
    )


def _value(definition_metadata: Mapping[str, Any], name: str) -> Any:
    value = definition_metadata.get(name)
    return value.value if isinstance(value, dg.MetadataValue) else value

"""Components that define models in YAML, for ``dg`` projects.

::

    type: pedigree.dagster.ModelComponent
    attributes:
      name: fraud
      flavor: sklearn
      train: .train.train          # the function `train` in train.py of the same folder
      champion_metric: {metric: auc}
      asset: {deps: [transactions], owners: ["team:risk"], group_name: risk}

One :class:`RegistryComponent` in the project gives all its models their stages, checks and sensors.

This module has no postponed annotations: Dagster reads the fields of a component as types.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TypeAlias

import dagster as dg
from dagster.components.resolved.core_models import ResolvedAssetAttributes

from pedigree.dagster.assets.command import Command
from pedigree.dagster.assets.decorator import model_asset
from pedigree.dagster.assets.definitions import registry_definitions
from pedigree.dagster.assets.model_spec import DEFAULT_PARTITION_NAME
from pedigree.dagster.assets.scaffold import ModelScaffolder, RegistryScaffolder
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import MetricRule, Policy


def _symbol(context: dg.ResolutionContext, path: str) -> Any:
    """Import a dotted path; a leading dot means the YAML file's folder."""
    module_name, _, name = path.rpartition(".")
    try:
        if path.startswith("."):
            load = dg.ComponentLoadContext.from_resolution_context(context)
            file = load.path.joinpath(*module_name.strip(".").split(".")).with_suffix(".py")
            module = load.load_defs_relative_python_module(file)
        else:
            module = importlib.import_module(module_name)
        return getattr(module, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInputError(
            f"cannot be imported: {error}",
            field="attributes",
            value=path,
            remedy="Write .train.train for the function in train.py next to the YAML file, or a"
            " full path such as my_project.training.train",
        ) from error


def _command(context: dg.ResolutionContext, words: Sequence[str]) -> Command:
    folder = dg.ComponentLoadContext.from_resolution_context(context).path
    return Command(tuple(context.resolve_value(list(words))), folder)


def _model(context: dg.ResolutionContext, given: str) -> Any:
    return _symbol(context, given) if "." in given else given


ResolvedFunction: TypeAlias = Annotated[
    Callable[..., Any], dg.Resolver(_symbol, model_field_type=str)
]
ResolvedCommand: TypeAlias = Annotated[
    Command, dg.Resolver(_command, model_field_type=Sequence[str])
]
ResolvedModel: TypeAlias = Annotated[Any, dg.Resolver(_model, model_field_type=str)]
# Parsed by their own schemas, which `dg check yaml` uses too. The annotation is Any because Dagster
# inspects it before it calls the resolver, and rejects types such as tuples.
ResolvedPolicy: TypeAlias = Annotated[
    Any, dg.Resolver(lambda _, read: read, model_field_type=Policy | None)
]
ResolvedMetricRule: TypeAlias = Annotated[
    Any, dg.Resolver(lambda _, read: read, model_field_type=MetricRule | None)
]


@dg.scaffold_with(ModelScaffolder)
@dataclass(kw_only=True)
class ModelComponent(dg.Component, dg.Resolvable):
    """A registered model, trained by a function or by a command in a separate process.

    Args:
        name: The registered model's name.
        flavor: How the model is saved and loaded, such as ``sklearn``.
        train: The training function, which returns a ``TrainedModel``: ``.train.train`` is
            ``train`` in the file ``train.py`` next to the YAML file.
        command: Alternative to ``train``: a command that trains in a separate process and reports
            through Dagster Pipes. It runs in the YAML file's folder; ``python`` is this
            interpreter.
        policy: The requirements for entering each stage; the default policy when omitted.
        champion_metric: For the default policy: the metric that must not regress against the
            champion.
        partition_name: For a partitioned asset: the name of each partition's registered model.
        asset: Arguments of ``@dg.asset``: deps, owners, tags, kinds, group_name, partitions_def, …
    """

    name: str
    flavor: str
    train: ResolvedFunction | None = None
    command: ResolvedCommand | None = None
    policy: ResolvedPolicy = None
    champion_metric: ResolvedMetricRule = None
    partition_name: str = DEFAULT_PARTITION_NAME
    asset: ResolvedAssetAttributes = field(default_factory=dict)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return the description that ``dg list components`` and ``dg docs`` show."""
        return dg.ComponentTypeSpec(
            description="A registered model, trained by a function or by a command"
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 - the base class has it
        """Return the model's asset."""
        return dg.Definitions(assets=[self.model_asset])

    @cached_property
    def model_asset(self) -> dg.AssetsDefinition:
        """The model's asset.

        Raises:
            InvalidInputError: Neither a function nor a command is given, or both.
        """
        training = self.train or self.command
        if training is None or (self.train and self.command):
            raise InvalidInputError(
                "needs exactly one of `train` and `command`",
                field="attributes",
                value=self.name,
                remedy="Set a function, train: .train.train, or a command: [python, train.py]",
            )
        decorate = model_asset(
            name=self.name,
            flavor=self.flavor,
            policy=self.policy,
            champion_metric=self.champion_metric,
            partition_name=self.partition_name,
            **_options(self.asset),
        )
        return decorate(training)


@dg.scaffold_with(RegistryScaffolder)
@dataclass(kw_only=True)
class RegistryComponent(dg.Component, dg.Resolvable):
    """The stages, checks, sensors and resources of a project's models; a project has one.

    It finds every ``ModelComponent`` of the project.

    Args:
        models: More models: ``.file.function`` or ``package.module.function`` of a
            ``@model_asset`` or a plain model asset, or the name of a model that is trained
            elsewhere.
        blocking: Whether a failed check stops downstream assets in the same run.
        sensors: Whether to add the sensors.
        interval_seconds: The interval between two ticks of a sensor.
    """

    models: Sequence[ResolvedModel] = ()
    blocking: bool = True
    sensors: bool = True
    interval_seconds: int = 30

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return the description that ``dg list components`` and ``dg docs`` show."""
        return dg.ComponentTypeSpec(
            description="Stages, checks, sensors and resources of the project's models"
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return everything that the project needs in addition to its model assets."""
        components = context.component_tree.get_all_components(of_type=ModelComponent)
        return registry_definitions(
            *(component.model_asset for component in components),
            *self.models,
            blocking=self.blocking,
            sensors=self.sensors,
            interval_seconds=self.interval_seconds,
        )


def _options(attributes: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(attributes)
    if "kinds" in options:
        options["kinds"] = set(options["kinds"])
    return options

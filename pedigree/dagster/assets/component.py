"""Models in YAML: components for projects of ``dg``.

::

    type: pedigree.dagster.ModelComponent
    attributes:
      name: fraud
      flavor: sklearn
      train: .train.train          # the function `train` in train.py beside this file
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
    """Return what a dotted path names; one with a leading dot begins in the YAML file's folder."""
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
            f"names nothing that can be imported: {error}",
            field="attributes",
            value=path,
            remedy="Write .train.train for the function in train.py beside the YAML file, or a"
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
# Read by their own schemas, which `dg check yaml` knows too. Any, since Dagster looks
# into an annotation before it asks the resolver, and refuses what it does not know: tuples.
ResolvedPolicy: TypeAlias = Annotated[
    Any, dg.Resolver(lambda _, read: read, model_field_type=Policy | None)
]
ResolvedMetricRule: TypeAlias = Annotated[
    Any, dg.Resolver(lambda _, read: read, model_field_type=MetricRule | None)
]


@dg.scaffold_with(ModelScaffolder)
@dataclass(kw_only=True)
class ModelComponent(dg.Component, dg.Resolvable):
    """A registered model, trained by a function of yours or by a command in its own process.

    Args:
        name: The registered model's name.
        flavor: How the model is saved and loaded, such as ``sklearn``.
        train: The training function, which returns a ``TrainedModel``: ``.train.train`` is
            ``train`` in the file ``train.py`` beside the YAML file.
        command: Instead: the words of a command that trains in a process of its own, and reports by
            Dagster Pipes. It runs in the YAML file's folder; ``python`` is this interpreter.
        policy: What a version must show to enter a stage; the default policy when left out.
        champion_metric: For the default policy: what must not become worse than the champion's.
        partition_name: For a partitioned asset: the name of each partition's registered model.
        asset: What ``@dg.asset`` takes: deps, owners, tags, kinds, group_name, partitions_def, …
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
        """Return what ``dg list components`` and ``dg docs`` say of it."""
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
                remedy="Name a function, train: .train.train, or a command: [python, train.py]",
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
        models: Further models: ``.file.function`` or ``package.module.function`` of a
            ``@model_asset`` or a plain model asset, or the name of a model that is trained
            elsewhere.
        blocking: A failed check stops what follows in the same run.
        sensors: With the promotion sensor and the mirror.
        interval_seconds: How often the sensors look.
    """

    models: Sequence[ResolvedModel] = ()
    blocking: bool = True
    sensors: bool = True
    interval_seconds: int = 30

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return what ``dg list components`` and ``dg docs`` say of it."""
        return dg.ComponentTypeSpec(
            description="Stages, checks, sensors and resources of the project's models"
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return everything that the project needs beside its model assets."""
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

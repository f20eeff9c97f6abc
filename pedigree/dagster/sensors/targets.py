"""The registered models whose stage assets are in a repository."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelLike, ModelSpec, model_specs_of
from pedigree.errors import InvalidNameError


@dataclass(frozen=True)
class Target:
    """A registered model of this repository: its spec and partition."""

    model_spec: ModelSpec
    partition: str | None


class PartitionOfAsset(NamedTuple):
    """A partition of a model's asset; all its partitions if ``key`` is None."""

    asset: dg.AssetKey
    key: str | None

    def __str__(self) -> str:
        name = self.asset.to_user_string()
        return name if self.key is None else f"{name} [{self.key}]"


class Targets:
    """The registered models whose stage assets a repository can materialize, by name.

    A tick looks up only models with new events: going through ten thousand models takes seconds.

    Attributes:
        by_key: The specs of all models, by the keys of their assets.
        partitioned: The keys of those assets that have partitions.
        problems: Why a partition, or an asset's partitions, have no models.
    """

    def __init__(self, repository: dg.RepositoryDefinition, models: Sequence[ModelLike]) -> None:
        self._models = models  # keeps them alive, since _CACHE uses their ids as keys
        self._unpartitioned: dict[str, Target] = {}
        self._partitioned: list[tuple[ModelSpec, dg.PartitionsDefinition[str]]] = []
        self._targets_by_keys: dict[str, tuple[Sequence[str], dict[str, Target]]] = {}
        self.by_key: dict[dg.AssetKey, ModelSpec] = {}
        self.partitioned: set[dg.AssetKey] = set()
        self.problems: dict[PartitionOfAsset, Exception] = {}
        graph = repository.asset_graph
        executable = graph.executable_asset_keys
        for model_spec in model_specs_of(*models):
            self.by_key[model_spec.key] = model_spec
            if graph.has(model_spec.key) and graph.get(model_spec.key).partitions_def is not None:
                self.partitioned.add(model_spec.key)
            stages = [model_spec.stage_key(stage) for stage in model_spec.stages]
            if not stages or stages[0] not in executable:
                continue
            partitions = graph.get(stages[0]).partitions_def
            if partitions is None:
                self._unpartitioned[model_spec.name] = Target(model_spec, None)
            else:
                self._partitioned.append((model_spec, partitions))

    @property
    def model_specs(self) -> dict[str, ModelSpec]:
        """The specs of all models, by name."""
        unpartitioned = [target.model_spec for target in self._unpartitioned.values()]
        partitioned = [model_spec for model_spec, _ in self._partitioned]
        return {model_spec.name: model_spec for model_spec in (*unpartitioned, *partitioned)}

    def all(self, instance: dg.DagsterInstance) -> dict[str, Target]:
        """Return all targets, by name."""
        found = dict(self._unpartitioned)
        for targets in self._of_partitions(instance):
            found |= targets
        return found

    def find(self, instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, Target]:
        """Return the targets with some names, by name."""
        wanted = set(names)
        found = {name: self._unpartitioned[name] for name in wanted if name in self._unpartitioned}
        if wanted - found.keys():
            for targets in self._of_partitions(instance):
                found |= {name: targets[name] for name in wanted & targets.keys()}
        return found

    def _of_partitions(self, instance: dg.DagsterInstance) -> Iterator[dict[str, Target]]:
        for model_spec, partitions in self._partitioned:
            whole = PartitionOfAsset(model_spec.key, None)
            self.problems.pop(whole, None)
            try:
                keys = partitions.get_partition_keys(dynamic_partitions_store=instance)
            except Exception as error:  # the definition of one asset; the others have theirs
                self.problems[whole] = error
                continue
            cached = self._targets_by_keys.get(model_spec.name)
            if cached is None or cached[0] != keys:
                cached = self._targets_by_keys[model_spec.name] = (
                    keys,
                    self._named(model_spec, keys),
                )
            yield cached[1]

    def _named(self, model_spec: ModelSpec, keys: Iterable[str]) -> dict[str, Target]:
        """Return the targets of partitions, and note the problems of those without a name."""
        for place in [place for place in self.problems if place.asset == model_spec.key]:
            del self.problems[place]
        targets: dict[str, Target] = {}
        for key in keys:
            try:
                targets[model_spec.registered_name(key)] = Target(model_spec, key)
            except InvalidNameError as error:
                self.problems[PartitionOfAsset(model_spec.key, key)] = error
        return targets


_CACHE: WeakKeyDictionary[dg.RepositoryDefinition, dict[tuple[int, ...], Targets]] = (
    WeakKeyDictionary()
)


def targets_of(
    context: dg.SensorEvaluationContext, models: Iterable[ModelLike] | None
) -> Targets | None:
    """Return the cached targets of a tick's repository; None if the tick has no repository.

    Args:
        context: The tick's context.
        models: The models; all of the repository when None.
    """
    repository = context.repository_def
    if repository is None:
        return None
    given = () if models is None else tuple(models)
    cached = _CACHE.setdefault(repository, {})
    # The ids of all models, or 0 for the models of the repository.
    key = (0,) if models is None else tuple(map(id, given))
    if key not in cached:
        found = models_of(repository.asset_graph) if models is None else given
        cached[key] = Targets(repository, found)
    return cached[key]


def models_of(graph: AssetGraph) -> tuple[ModelSpec, ...]:
    """Return the specs of the models of a repository: those that its stages name, and its own."""
    found: dict[str, ModelSpec] = {}
    for key in sorted(graph.executable_asset_keys):
        metadata = graph.get(key).metadata
        for name in (metadata_keys.MODEL_SPEC, metadata_keys.STAGE_OF):
            if (stored := metadata.get(name)) is not None:
                spec = stored.value if isinstance(stored, dg.MetadataValue) else stored
                model_spec = ModelSpec.model_validate(spec)
                found[model_spec.name] = model_spec
    return tuple(found.values())

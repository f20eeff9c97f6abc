"""Which registered models the stage assets of a repository belong to."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import dagster as dg

from pedigree.dagster.assets.model_spec import ModelLike, ModelLine, lines_of
from pedigree.dagster.assets.names import slug
from pedigree.errors import InvalidNameError


@dataclass(frozen=True)
class Target:
    """A registered model of this repository: its line, its partition, and the job of its stages."""

    line: ModelLine
    partition: str | None
    job_name: str


class Targets:
    """The registered models whose stage assets a repository can materialize, found by name.

    A tick asks for those that something happened to. To go through all of them each time would cost
    seconds with ten thousand models.

    Attributes:
        by_key: The lines of all that are given, by the keys of their assets.
        partitioned: Those of these keys whose assets have partitions.
    """

    def __init__(self, repository: dg.RepositoryDefinition, models: Sequence[ModelLike]) -> None:
        self._models = models  # as long as they live, nothing else has their ids
        self._plain: dict[str, Target] = {}
        self._partitioned: list[tuple[ModelLine, dg.PartitionsDefinition[str]]] = []
        self._of_keys: dict[str, tuple[Sequence[str], dict[str, Target]]] = {}
        self.by_key: dict[dg.AssetKey, ModelLine] = {}
        self.partitioned: set[dg.AssetKey] = set()
        graph = repository.asset_graph
        executable = graph.executable_asset_keys
        for line in lines_of(*models):
            self.by_key[line.key] = line
            if graph.has(line.key) and graph.get(line.key).partitions_def is not None:
                self.partitioned.add(line.key)
            stages = [line.stage_key(stage) for stage in line.stages]
            if not stages or stages[0] not in executable:
                continue
            partitions = graph.get(stages[0]).partitions_def
            if partitions is None:
                self._plain[line.name] = Target(line, None, promotion_job(line))
            else:
                self._partitioned.append((line, partitions))

    @property
    def lines(self) -> dict[str, ModelLine]:
        """Their lines, by name."""
        plain = {target.line.name: target.line for target in self._plain.values()}
        return plain | {line.name: line for line, _ in self._partitioned}

    def all(self, instance: dg.DagsterInstance) -> dict[str, Target]:
        """Return all of them, by name."""
        found = dict(self._plain)
        for targets in self._of_partitions(instance):
            found |= targets
        return found

    def find(self, instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, Target]:
        """Return those that have one of some names."""
        wanted = set(names)
        found = {name: self._plain[name] for name in wanted if name in self._plain}
        if wanted - found.keys():
            for targets in self._of_partitions(instance):
                found |= {name: targets[name] for name in wanted & targets.keys()}
        return found

    def _of_partitions(self, instance: dg.DagsterInstance) -> Iterator[dict[str, Target]]:
        for line, partitions in self._partitioned:
            keys = partitions.get_partition_keys(dynamic_partitions_store=instance)
            known = self._of_keys.get(line.name)
            if known is None or known[0] != keys:
                job = promotion_job(line)
                targets = {name: Target(line, key, job) for key, name in _names(line, keys)}
                known = self._of_keys[line.name] = (keys, targets)
            yield known[1]


def _names(line: ModelLine, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give partitions with their models' names; one that can have none has no model."""
    for key in keys:
        with contextlib.suppress(InvalidNameError):
            yield key, line.registered_name(key)


_KNOWN: WeakKeyDictionary[dg.RepositoryDefinition, dict[tuple[int, ...], Targets]] = (
    WeakKeyDictionary()
)


def targets_of(context: dg.SensorEvaluationContext, models: Iterable[ModelLike]) -> Targets | None:
    """Return the registered models of a tick's repository, made once; None where it has none."""
    repository = context.repository_def
    if repository is None:
        return None
    given = tuple(models)
    known = _KNOWN.setdefault(repository, {})
    key = tuple(map(id, given))
    if key not in known:
        known[key] = Targets(repository, given)
    return known[key]


def promotion_job(line: ModelLine) -> str:
    """Return the name of the job that materializes a model's stages."""
    return f"promote_{slug(line.name)}"

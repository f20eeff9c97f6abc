"""Let a training function select its partitions itself, and record exactly those it read.

::

    class Months(dg.Config):
        first: str
        last: str

    @model_asset(name="flight_delay", flavor="sklearn", deps=[flights])
    def flight_delay(inputs: ModelInputs, config: Months) -> TrainedModel:
        frames = inputs.read(flights, partitions=months_between(config.first, config.last))

A partition mapping cannot express this: it maps all months, not those in a run's config.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.asset_keys import AssetLike, key_of, unique_partitions
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.lineage import LineageCapture
from pedigree.errors import InvalidInputError

DEFAULT_IO_MANAGER = "io_manager"
# An input that changes while it is loaded is loaded again, at most this often.
_ATTEMPTS = 3


@dataclass(frozen=True)
class InputSource:
    """How an asset is loaded, from its definition."""

    key: dg.AssetKey
    io_manager_key: str = DEFAULT_IO_MANAGER
    partitions_def: dg.PartitionsDefinition[str] | None = None
    definition_metadata: Mapping[str, Any] = field(default_factory=dict)
    own_io_manager: dg.ResourceDefinition | None = None
    """The asset's own ``io_manager_def``."""


def source_of(asset: AssetLike | dg.AssetDep) -> InputSource:
    """Return how an asset is loaded; for a plain key, with the default IO manager.

    Raises:
        InvalidInputError: The definition makes several assets.
    """
    if isinstance(asset, dg.AssetsDefinition):
        return _source_of_definition(asset)
    if isinstance(asset, dg.AssetSpec):
        io_manager_key = asset.metadata.get(metadata_keys.IO_MANAGER_KEY, DEFAULT_IO_MANAGER)
        return InputSource(asset.key, io_manager_key, asset.partitions_def, asset.metadata)
    if isinstance(asset, dg.SourceAsset):
        io_manager_key = asset.io_manager_key or DEFAULT_IO_MANAGER
        return InputSource(asset.key, io_manager_key, asset.partitions_def, asset.metadata)
    return InputSource(key_of(asset))


def _source_of_definition(asset: dg.AssetsDefinition) -> InputSource:
    key_of(asset)  # raises on a definition of several assets
    (spec,) = asset.specs
    if not asset.is_executable:
        return source_of(spec)
    io_manager_key = asset.get_io_manager_key_for_asset_key(spec.key)
    return InputSource(
        spec.key,
        io_manager_key,
        asset.partitions_def,
        spec.metadata,
        asset.resource_defs.get(io_manager_key),
    )


class ModelInputs:
    """The inputs of a training, which it selects itself and which are recorded when it reads them.

    A parameter of a :func:`model_asset` function with this annotation receives one.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        captures: Sequence[LineageCapture],
        sources: Iterable[InputSource],
    ) -> None:
        self._context = context
        self._captures = captures
        self._sources = {source.key: source for source in sources}

    @overload
    def read(
        self, asset: AssetLike, partitions: None = None, *, as_type: type | None = None
    ) -> Any: ...

    @overload
    def read(
        self, asset: AssetLike, partitions: Sequence[str], *, as_type: type | None = None
    ) -> dict[str, Any]: ...

    def read(
        self,
        asset: AssetLike,
        partitions: Sequence[str] | None = None,
        *,
        as_type: type | None = None,
    ) -> Any:
        """Load an asset through its own IO manager, and record it as read.

        Args:
            asset: One of the model asset's ``deps``.
            partitions: The partitions to load; only these count as read.
            as_type: The type to request from the IO manager.

        Returns:
            The asset's value; with partitions, their values by key, in the given order.

        Raises:
            InvalidInputError: The asset is not among the ``deps``, or ``partitions`` is empty.
        """
        source = self._source(key_of(asset))
        if partitions is None:
            return self._load(source, None, as_type)[None]
        values = self._load(source, unique_partitions(partitions), as_type)
        return {partition: values[partition] for partition in unique_partitions(partitions)}

    def _source(self, key: dg.AssetKey) -> InputSource:
        if key not in self._sources:
            raise InvalidInputError(
                "is not a dependency of the model asset, so the asset graph would lack the edge",
                field="asset",
                value=key.to_user_string(),
                remedy="Add it to deps=[…] of @model_asset",
            )
        return self._sources[key]

    def _load(
        self, source: InputSource, partitions: tuple[str, ...] | None, as_type: type | None
    ) -> dict[str | None, Any]:
        values: dict[str | None, Any] = {}
        wanted: Sequence[str | None] = partitions or (None,)
        found = self._snapshot(source, partitions)
        for _ in range(_ATTEMPTS):
            values |= {name: self._load_once(source, name, as_type) for name in wanted}
            now = self._snapshot(source, partitions)
            if not (wanted := _changed(found, now, partitions)):
                break
            found = now
        for capture in self._captures:
            capture.read(source.key, partitions, found)
        return values

    def _snapshot(
        self, source: InputSource, partitions: Sequence[str] | None
    ) -> dict[str | None, AssetEvent]:
        return event_log.latest(self._context.instance, source.key, partitions)

    def _load_once(self, source: InputSource, partition: str | None, as_type: type | None) -> Any:
        manager: dg.IOManager = getattr(self._context.resources, source.io_manager_key)
        # Not build_input_context: without resources it creates an instance with a database for
        # each of a thousand partitions.
        shared = {
            "asset_key": source.key,
            "partition_key": partition,
            "resources": self._context.resources,
            "log_manager": self._context.log,
        }
        upstream = dg.OutputContext(definition_metadata=dict(source.definition_metadata), **shared)
        return manager.load_input(
            dg.InputContext(
                upstream_output=upstream,
                dagster_type=dg.PythonObjectDagsterType(as_type) if as_type else None,
                instance=self._context.instance,
                asset_partitions_def=source.partitions_def if partition is not None else None,
                asset_partitions_subset=_only(source, partition),
                **shared,
            )
        )


def _only(source: InputSource, partition: str | None) -> Any:
    if partition is None:
        return None
    known = source.partitions_def or dg.StaticPartitionsDefinition([partition])
    return known.subset_with_partition_keys([partition])


def _changed(
    before: Mapping[str | None, AssetEvent],
    now: Mapping[str | None, AssetEvent],
    partitions: tuple[str, ...] | None,
) -> list[str | None]:
    """Return the partitions to load again, because their newest event has changed."""
    old_ids = {partition: event.storage_id for partition, event in before.items()}
    new_ids = {partition: event.storage_id for partition, event in now.items()}
    if partitions is None:
        return [None] if old_ids != new_ids else []
    return [name for name in partitions if old_ids.get(name) != new_ids.get(name)]

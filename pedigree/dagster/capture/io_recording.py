"""Make every IO manager of a code location record what it loads.

::

    defs = with_lineage(
        dg.Definitions.merge(
            dg.Definitions(assets=[loans, features, risk], resources={"io_manager": my_manager}),
            registry_definitions(risk),
        )
    )

Pass all definitions of the location: it replaces each IO manager under its own key, and adds
Dagster's default one. Definitions that are merged later may define these keys only if this function
was applied to them, too.
"""

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import dagster as dg
from dagster._core.decorator_utils import has_at_least_one_parameter
from dagster._core.definitions.job_definition import default_job_io_manager
from dagster._core.execution.build_resources import wrap_resource_for_execution
from dagster._core.storage.input_manager import InputManager

from pedigree.dagster.capture.recorded_reads import NO_EVENT, Partitions, merged
from pedigree.dagster.capture.step_reads import StepReads, look_up

_DEFAULT_KEY = "io_manager"
# With it Dagster's own managers return the existing ones of several partitions, and None for one.
_SKIPS_MISSING = "allow_missing_partitions"
_RECORDS = "_pedigree_records_reads"

Asset = TypeVar("Asset")

# The recording definition of each resource, by its id, with the resource, which thus stays alive.
# Two assets may share one manager, and a job requires that they still do. Two files of a project
# may share one, and Dagster merges their definitions only if they still do.
_MADE: dict[int, tuple[Any, Any]] = {}


def with_lineage(defs: dg.Definitions) -> dg.Definitions:
    """Return the definitions with every IO manager and input manager recording what it loads.

    A step's own materializations record what it loads: partitions and storage ids, looked up
    before and after loading. This covers resources, assets' own ``io_manager_def`` and Dagster's
    default; their config, attributes and set-up do not change. Applying it twice has no further
    effect.

    Args:
        defs: All definitions of a code location, merged.
    """
    resources = {_DEFAULT_KEY: default_job_io_manager, **(defs.resources or {})}
    return dg.Definitions(
        assets=[_with_recording(asset) for asset in defs.assets or ()],
        schedules=defs.schedules,
        sensors=defs.sensors,
        jobs=defs.jobs,
        resources=_recording_resources(resources),
        executor=defs.executor,
        loggers=defs.loggers,
        asset_checks=defs.asset_checks,
        metadata=defs.metadata,
        component_tree=defs.component_tree,
    )


def _recording_resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources, with recording in those that load inputs."""
    return {key: _recording(resource) for key, resource in resources.items()}


def _with_recording(asset: Asset) -> Asset:
    """Return an asset, with recording in its own IO manager if it has one."""
    if not isinstance(asset, dg.AssetsDefinition | dg.SourceAsset) or not asset.resource_defs:
        return asset
    own = _recording_resources(asset.resource_defs)
    if all(own[key] is resource for key, resource in asset.resource_defs.items()):
        return asset
    # Copy the asset; only the managers differ.
    if isinstance(asset, dg.AssetsDefinition):
        return type(asset)(**{**asset.get_attributes_dict(), "resource_defs": own})
    changed = copy.copy(asset)
    changed.resource_defs = own
    return changed


def _recording(resource: Any) -> Any:
    """Return a resource that makes recording managers; any other resource unchanged."""
    definition = wrap_resource_for_execution(resource)
    if not _makes_managers(resource, definition) or hasattr(definition, _RECORDS):
        return resource
    if id(resource) not in _MADE:
        # A copy has the same class, config schema, required and nested resources.
        changed = copy.copy(definition)
        changed._resource_fn = _recording_factory(definition.resource_fn)
        setattr(changed, _RECORDS, True)
        _MADE[id(resource)] = (resource, changed)
    return _MADE[id(resource)][1]


def _makes_managers(resource: Any, definition: dg.ResourceDefinition) -> bool:
    kinds = (dg.IOManagerDefinition, dg.InputManagerDefinition)
    return isinstance(definition, kinds) or isinstance(resource, InputManager)


def _recording_factory(make: Callable[..., Any]) -> Callable[[dg.InitResourceContext], Any]:
    def make_recorder(context: dg.InitResourceContext) -> Any:
        takes_context = has_at_least_one_parameter(make)
        made = make(context) if takes_context else make()
        if inspect.isgenerator(made):
            return _managed_recorder(contextlib.contextmanager(lambda: made)())
        if isinstance(made, contextlib.ContextDecorator):
            return _managed_recorder(made)
        return recorder(made)

    return make_recorder


def _managed_recorder(managed: Any) -> Iterator[Any]:
    with managed as manager:
        yield recorder(manager)


def recorder(manager: Any) -> Any:
    """Return a manager that records what it loads, and otherwise acts as the given one."""
    if isinstance(manager, InputManager) and not hasattr(type(manager), _RECORDS):
        return _Recorder(manager)
    return manager


class _Recorder(dg.IOManager):
    """A wrapper of an IO manager or input manager that records what it loads."""

    _pedigree_records_reads = True

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        # Python calls this only for attributes that this class lacks: those of the manager.
        return getattr(self._manager, name)

    @property  # type: ignore[misc]  # read-only: a body may ask isinstance(manager, S3Manager)
    def __class__(self) -> type:
        return type(self._manager)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> Any:
        """Store an output."""
        return self._manager.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load an input, and record its events."""
        step = _running_step()
        if step is None or not context.has_asset_key:
            return self._manager.load_input(context)
        partitions = list(context.asset_partition_keys) if context.has_asset_partitions else None
        before = look_up(step.instance, context.asset_key, partitions)
        value = self._manager.load_input(context)
        reads = StepReads.of(step)
        after = reads.look_up(context.asset_key, partitions)
        if before or partitions is not None:
            loaded = _loaded_partitions(context, value, merged(before, after))
            reads.add("loaded", context.asset_key, loaded)
        return value


def _loaded_partitions(context: dg.InputContext, value: Any, found: Partitions) -> Partitions:
    """Remove, or mark as doubtful, the partitions that a manager skipped for lack of a file."""
    if len(found) > 1 and isinstance(value, Mapping):
        return {partition: ids for partition, ids in found.items() if partition in value}
    skips = (context.definition_metadata or {}).get(_SKIPS_MISSING)
    if skips and (len(found) > 1 or value is None):
        return {partition: (NO_EVENT, *ids) for partition, ids in found.items()}
    return found


def _running_step() -> dg.AssetExecutionContext | None:
    try:
        return dg.AssetExecutionContext.get()
    except dg.DagsterError:
        return None  # a notebook, or an asset check, which materializes nothing

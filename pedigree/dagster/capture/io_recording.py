"""Let every IO manager of a code location record what it loads.

::

    defs = with_lineage(
        dg.Definitions.merge(
            dg.Definitions(assets=[loans, features, risk], resources={"io_manager": my_manager}),
            registry_definitions(risk),
        )
    )

Give it the location's whole definitions: it replaces each IO manager under its own key, and adds
the one that Dagster would add, so nothing else may bring these keys afterwards.
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
# With it Dagster's own managers return what there is of several partitions, and None for one.
_SKIPS_MISSING = "allow_missing_partitions"
_RECORDS = "_pedigree_records_reads"

Asset = TypeVar("Asset")


def with_lineage(defs: dg.Definitions) -> dg.Definitions:
    """Return the definitions with every IO manager and input manager recording what it loads.

    What a step loads is written to the step's own materializations: partitions and storage ids,
    looked up before and after loading. Resources, assets' own ``io_manager_def`` and Dagster's
    default are covered; their config, attributes and set-up stay as they are. Applied twice, it
    records once.

    Args:
        defs: All definitions of a code location, merged.
    """
    resources = {_DEFAULT_KEY: default_job_io_manager, **(defs.resources or {})}
    # Two assets may share one manager's definition, and a job insists that they go on to.
    made: dict[int, Any] = {}
    return dg.Definitions(
        assets=[_with_recording(asset, made) for asset in defs.assets or ()],
        schedules=defs.schedules,
        sensors=defs.sensors,
        jobs=defs.jobs,
        resources=_recording_resources(resources, made),
        executor=defs.executor,
        loggers=defs.loggers,
        asset_checks=defs.asset_checks,
        metadata=defs.metadata,
        component_tree=defs.component_tree,
    )


def _recording_resources(resources: Mapping[str, Any], made: dict[int, Any]) -> dict[str, Any]:
    """Return resources of which those that load inputs record what they load."""
    return {key: _recording(resource, made) for key, resource in resources.items()}


def _with_recording(asset: Asset, made: dict[int, Any]) -> Asset:
    """Return an asset whose own IO manager, if it brings one, records."""
    if not isinstance(asset, dg.AssetsDefinition | dg.SourceAsset) or not asset.resource_defs:
        return asset
    own = _recording_resources(asset.resource_defs, made)
    if all(own[key] is each for key, each in asset.resource_defs.items()):
        return asset
    # Both copy what they can say of themselves, and only the managers differ.
    if isinstance(asset, dg.AssetsDefinition):
        return type(asset)(**{**asset.get_attributes_dict(), "resource_defs": own})
    changed = copy.copy(asset)
    changed.resource_defs = own
    return changed


def _recording(resource: Any, made: dict[int, Any]) -> Any:
    """Return a resource whose definition makes recording managers; any other resource itself."""
    definition = wrap_resource_for_execution(resource)
    if not _makes_managers(resource, definition) or hasattr(definition, _RECORDS):
        return resource
    if id(definition) not in made:
        # A copy keeps the definition's class, config schema, required and nested resources.
        changed = copy.copy(definition)
        changed._resource_fn = _making_recorders(definition.resource_fn)
        setattr(changed, _RECORDS, True)
        made[id(definition)] = changed
    return made[id(definition)]


def _makes_managers(resource: Any, definition: dg.ResourceDefinition) -> bool:
    kinds = (dg.IOManagerDefinition, dg.InputManagerDefinition)
    return isinstance(definition, kinds) or isinstance(resource, InputManager)


def _making_recorders(make: Callable[..., Any]) -> Callable[[dg.InitResourceContext], Any]:
    def make_recorder(context: dg.InitResourceContext) -> Any:
        takes_context = has_at_least_one_parameter(make)
        made = make(context) if takes_context else make()
        if inspect.isgenerator(made):
            return _recorders(contextlib.contextmanager(lambda: made)())
        if isinstance(made, contextlib.ContextDecorator):
            return _recorders(made)
        return recorder(made)

    return make_recorder


def _recorders(managed: Any) -> Iterator[Any]:
    with managed as manager:
        yield recorder(manager)


def recorder(manager: Any) -> Any:
    """Return a manager that records what it loads, and is in all else the one it is given."""
    if isinstance(manager, InputManager) and not hasattr(type(manager), _RECORDS):
        return _Recorder(manager)
    return manager


class _Recorder(dg.IOManager):
    """An IO manager, or input manager, that records what the one behind it loads."""

    _pedigree_records_reads = True

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        # Only asked for what this class lacks: the attributes of the manager itself.
        return getattr(self._manager, name)

    @property  # type: ignore[misc]  # read-only: a body may ask isinstance(manager, S3Manager)
    def __class__(self) -> type:
        return type(self._manager)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> Any:
        """Keep an output."""
        return self._manager.handle_output(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        """Load an input, and record which events it is."""
        step = _running_step()
        if step is None or not context.has_asset_key:
            return self._manager.load_input(context)
        partitions = list(context.asset_partition_keys) if context.has_asset_partitions else None
        before = look_up(step.instance, context.asset_key, partitions)
        value = self._manager.load_input(context)
        after = look_up(step.instance, context.asset_key, partitions)
        if before or partitions is not None:
            loaded = _really_loaded(context, value, merged(before, after))
            StepReads.of(step).add("loaded", context.asset_key, loaded)
        return value


def _really_loaded(context: dg.InputContext, value: Any, found: Partitions) -> Partitions:
    """Leave out, or in doubt, the partitions that a manager passed over because it has no file."""
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

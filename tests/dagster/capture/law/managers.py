"""IO managers in all the ways in which Dagster lets one be given.

They hand over what the world holds: a token, or one each by its partition; None where a partition
has no content.
"""

from typing import Any

import dagster as dg

from tests.dagster.capture.law.world import World

# A ConfigurableIOManager holds plain values, so it finds its world by the case's name.
WORLDS: dict[str, World] = {}
# What one op of a graph hands to the next.
_BETWEEN: dict[tuple[str, ...], Any] = {}


def keep(context: dg.OutputContext, value: Any) -> None:
    """Keep what an op hands to another one; an asset's content is in its world already."""
    if not context.has_asset_key:
        _BETWEEN[tuple(context.get_identifier())] = value


def load(context: dg.InputContext, world: World) -> Any:
    """Return the tokens that an input stands for."""
    if not context.has_asset_key:
        assert context.upstream_output is not None
        return _BETWEEN[tuple(context.upstream_output.get_identifier())]
    asset = context.asset_key.to_user_string()
    if not context.has_asset_partitions:
        return _token(world, asset, None)
    return {key: _token(world, asset, key) for key in context.asset_partition_keys}


def _token(world: World, asset: str, partition: str | None) -> int | None:
    write = world.contents.get((asset, partition))
    return None if write is None else write.token


class PlainManager(dg.IOManager):
    """An object, given as a resource or made by a function."""

    def __init__(self, world: World) -> None:
        self.world = world

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        keep(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        return load(context, self.world)


class ConfigurableManager(dg.ConfigurableIOManager):
    """A Pydantic one, which finds its world by name and is set up for each run."""

    world: str
    _open: bool = False

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._open = True

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        assert self._open, "the manager was not set up"
        keep(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        assert self._open, "the manager was not set up"
        return load(context, WORLDS[self.world])


def managers(name: str, *, bare: bool) -> dict[str, Any]:
    """Return the resources of a case; with a bare one, ``io_manager`` is left to Dagster."""
    world = WORLDS[name]
    plain = PlainManager(world)

    @dg.io_manager(config_schema={"world": str})  # type: ignore[untyped-decorator]
    def function(context: dg.InitResourceContext) -> PlainManager:
        return PlainManager(WORLDS[context.resource_config["world"]])

    @dg.input_manager  # type: ignore[untyped-decorator]
    def loader(context: dg.InputContext) -> Any:
        return load(context, world)

    return {
        "plain_io": plain,
        "configurable_io": ConfigurableManager(world=name),
        "function_io": function.configured({"world": name}),
        "loader": loader,
        **({} if bare else {"io_manager": plain}),
    }


def own_definition(world: World) -> dg.IOManagerDefinition:
    """Return what ``io_manager_def=`` of a single asset takes."""
    return dg.IOManagerDefinition.hardcoded_io_manager(PlainManager(world))

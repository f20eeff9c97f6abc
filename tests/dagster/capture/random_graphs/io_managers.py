"""IO managers in all forms that Dagster accepts.

They return the contents of the ground truth: a token, or one per partition; None for a partition
without content.
"""

from typing import Any

import dagster as dg

from tests.dagster.capture.random_graphs.ground_truth import GroundTruth

# A ConfigurableIOManager has only plain values, so it finds its ground truth by the case's name.
GROUND_TRUTHS: dict[str, GroundTruth] = {}
# What one op of a graph passes to the next.
_BETWEEN: dict[tuple[str, ...], Any] = {}


def keep(context: dg.OutputContext, value: Any) -> None:
    """Store what an op passes to another; an asset's content is already in the ground truth."""
    if not context.has_asset_key:
        _BETWEEN[tuple(context.get_identifier())] = value


def load(context: dg.InputContext, ground_truth: GroundTruth) -> Any:
    """Return the tokens of an input."""
    if not context.has_asset_key:
        assert context.upstream_output is not None
        return _BETWEEN[tuple(context.upstream_output.get_identifier())]
    asset = context.asset_key.to_user_string()
    if not context.has_asset_partitions:
        return _token(ground_truth, asset, None)
    return {key: _token(ground_truth, asset, key) for key in context.asset_partition_keys}


def _token(ground_truth: GroundTruth, asset: str, partition: str | None) -> int | None:
    write = ground_truth.contents.get((asset, partition))
    return None if write is None else write.token


class PlainManager(dg.IOManager):
    """A plain object, as a resource or from a function."""

    def __init__(self, ground_truth: GroundTruth) -> None:
        self.ground_truth = ground_truth

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        keep(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        return load(context, self.ground_truth)


class ConfigurableManager(dg.ConfigurableIOManager):
    """A Pydantic IO manager, which finds its ground truth by name and is set up for each run."""

    ground_truth: str
    _open: bool = False

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._open = True

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        assert self._open, "the manager was not set up"
        keep(context, obj)

    def load_input(self, context: dg.InputContext) -> Any:
        assert self._open, "the manager was not set up"
        return load(context, GROUND_TRUTHS[self.ground_truth])


def managers(name: str, *, bare: bool) -> dict[str, Any]:
    """Return the resources of a case; a bare one uses Dagster's default ``io_manager``."""
    ground_truth = GROUND_TRUTHS[name]
    plain = PlainManager(ground_truth)

    @dg.io_manager(config_schema={"world": str})  # type: ignore[untyped-decorator]
    def function(context: dg.InitResourceContext) -> PlainManager:
        return PlainManager(GROUND_TRUTHS[context.resource_config["world"]])

    @dg.input_manager  # type: ignore[untyped-decorator]
    def loader(context: dg.InputContext) -> Any:
        return load(context, ground_truth)

    return {
        "plain_io": plain,
        "configurable_io": ConfigurableManager(ground_truth=name),
        "function_io": function.configured({"world": name}),
        "loader": loader,
        **({} if bare else {"io_manager": plain}),
    }


def own_definition(ground_truth: GroundTruth) -> dg.IOManagerDefinition:
    """Return the ``io_manager_def`` of a single asset."""
    return dg.IOManagerDefinition.hardcoded_io_manager(PlainManager(ground_truth))

"""The inputs to which the body of a step has access, whichever of its outputs declares them."""

import dagster as dg

from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.event_history import EventSource
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.run_definition import RunDefinitions


class AvailableInputs:
    """Returns the inputs of the steps that made events.

    Args:
        events: The events.
        graph: The code location's asset graph.
    """

    def __init__(self, events: EventSource, graph: LocationGraph) -> None:
        self._events = events
        self._graph = graph
        self._definitions = RunDefinitions(events.instance)

    def inputs(self, event: AssetEvent) -> set[dg.AssetKey]:
        """Return all assets that the step that made an event may have read.

        The body of a step has access to every input of the step, whichever output declares it. If
        the run made only some of the step's assets, the events name only the inputs of these.
        """
        reads = self._events.reads(event)
        if reads.complete:
            return set(reads.keys)
        inputs = {*event.pointers, *event.unrecorded_inputs, *reads.keys}
        if self._has_several_outputs(event):
            step = self._events.step(event)
            # Without the log of the run, any input may have been loaded.
            has_names = bool(step.made) and not is_graph_backed(event)
            loaded = step.loaded if has_names else None
            available = self._graph.available_inputs(event.key, loaded)
            inputs |= (step.inputs | available) - set(step.made)
        if not event.has_provenance:
            # Reported outside any run, or yielded by the body itself.
            inputs |= self._graph.step_inputs(event.key)
        return inputs

    def unnamed(self, event: AssetEvent) -> set[str]:
        """Return the names of inputs that no event and no current definition assigns to an asset.

        Such a step made only some of its assets, and its definition has changed since.
        """
        if not event.run_id or not event.step_key or not self._has_several_outputs(event):
            return set()
        step = self._events.step(event)
        before = self._definitions.of_step(event.run_id, event.step_key)
        outputs = len(before.outputs) if before else len(self._graph.siblings(event.key))
        if outputs <= len(step.made):
            return set()  # the events name all inputs
        names = before.inputs if before else step.loaded
        keys = {*event.pointers, *event.unrecorded_inputs, *step.inputs}
        usual = {name for key in keys for name in (key.path[-1], key.to_python_identifier())}
        return set(names - self._graph.input_names(event.key) - usual)

    def _has_several_outputs(self, event: AssetEvent) -> bool:
        if not event.step_key:
            return False
        return len(self._graph.siblings(event.key)) > 1 or not self._graph.has(event.key)


def is_graph_backed(event: AssetEvent) -> bool:
    """Return whether an op of a graph-backed asset made an event."""
    return "." in (event.step_key or "")

"""A version's lineage as OpenLineage run events, with the facets of openlineage-python.

There is one event for the training, and one for each upstream event with known inputs. A value
without a field in a standard facet is a tag.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pedigree.catalog.exports.source import (
    Exported,
    facts_of,
    how_known,
    name_of,
    run_of,
    run_uuid,
)
from pedigree.catalog.records import Training
from pedigree.libraries import library
from pedigree.lineage.records import LineageEdge, LineageNode

_PRODUCER = "urn:pedigree"
_SOURCE = "PEDIGREE"

_Used = Sequence[tuple[LineageNode, LineageEdge]]


def openlineage(exported: Exported) -> str:
    """Return the events as a JSON list, the sources' first; none if no training is known.

    Raises:
        MissingDependencyError: openlineage-python is not installed.
    """
    writer = _Writer(exported)
    sources = exported.sources()
    upstream_runs = [
        writer.made(node, sources[node.node_id])
        for node in reversed(exported.graph.nodes)
        if node.node_id in sources and node != exported.step
    ]
    events = upstream_runs
    if exported.training is not None:
        used = sources.get(exported.step.node_id, ())
        events = [*upstream_runs, writer.trained(exported.training, used)]
    serde = library("openlineage.client.serde", extra="lineage").Serde
    return json.dumps([serde.to_dict(event) for event in events], indent=2, sort_keys=True)


class _Writer:
    """Builds the events of one version."""

    def __init__(self, exported: Exported) -> None:
        self._exported = exported
        self._events = library("openlineage.client.event_v2", extra="lineage")
        self._facets = library("openlineage.client.facet_v2", extra="lineage")
        self._namespace = f"dagster://{exported.instance}"

    def trained(self, training: Training, used: _Used) -> Any:
        """Return the event of the training."""
        version, step = self._exported.version, self._exported.step
        tags = self._tags("tags_run", self._exported.code())
        output = self._events.OutputDataset(
            namespace="pedigree",
            name=version.model_name,
            facets={
                "version": self._version(version.data_version),
                "tags": self._tags("tags_dataset", {"version": str(version.version_id)}),
                "ownership": self._facets.ownership_dataset.OwnershipDatasetFacet(
                    owners=[
                        self._facets.ownership_dataset.Owner(name=owner) for owner in version.owners
                    ],
                    producer=_PRODUCER,
                ),
            },
        )
        run = self._events.Run(runId=run_of(training), facets={"tags": tags})
        return self._event(step.asset, run, training.created_at, used, output)

    def made(self, node: LineageNode, used: _Used) -> Any:
        """Return the event of a run that wrote a direct or indirect input of the training."""
        training = self._exported.training
        at = node.at or (training or self._exported.version).created_at
        run_id = node.run_id or f"{self._namespace}/{node.storage_id}"
        output = self._events.OutputDataset(**self._dataset(node, None))
        run = self._events.Run(runId=run_uuid(run_id))
        return self._event(node.asset, run, at, used, output)

    def _event(self, job: str, run: Any, at: datetime, used: _Used, output: Any) -> Any:
        return self._events.RunEvent(
            eventType=self._events.RunState.COMPLETE,
            eventTime=at.isoformat(),
            run=run,
            job=self._events.Job(namespace=self._namespace, name=job),
            inputs=[
                self._events.InputDataset(**self._dataset(source, edge)) for source, edge in used
            ],
            outputs=[output],
            producer=_PRODUCER,
        )

    def _dataset(self, node: LineageNode, edge: LineageEdge | None) -> dict[str, Any]:
        facts = facts_of(node) | (how_known(edge) if edge else {})
        facets = {"tags": self._tags("tags_dataset", facts)}
        if node.data_version:
            facets["version"] = self._version(node.data_version)
        if node.partition is not None:
            symlinks = self._facets.symlinks_dataset
            whole = symlinks.Identifier(namespace=self._namespace, name=node.asset, type="TABLE")
            facets["symlinks"] = symlinks.SymlinksDatasetFacet(
                identifiers=[whole], producer=_PRODUCER
            )
        return {"namespace": self._namespace, "name": name_of(node), "facets": facets}

    def _version(self, version: str) -> Any:
        facet = self._facets.dataset_version_dataset.DatasetVersionDatasetFacet
        return facet(datasetVersion=version, producer=_PRODUCER)

    def _tags(self, module: str, values: Mapping[str, str]) -> Any:
        found = getattr(self._facets, module)
        kind = "Run" if module == "tags_run" else "Dataset"
        make = getattr(found, f"Tags{kind}FacetFields")
        tags = [make(key=key, value=value, source=_SOURCE) for key, value in values.items()]
        return getattr(found, f"Tags{kind}Facet")(tags=tags, producer=_PRODUCER)

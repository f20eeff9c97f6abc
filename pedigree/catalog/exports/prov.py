"""A version's lineage as a W3C PROV document, in PROV-JSON.

Each state of an asset and the version itself are entities; the runs that wrote them are activities;
the person or program that registered the version is an agent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pedigree.catalog.exports.source import Exported, facts_of, how_known, name_of, run_of, run_uuid
from pedigree.catalog.records import Training
from pedigree.libraries import library
from pedigree.lineage.records import LineageNode, NodeKind

_NAMESPACES = {
    "asset": "urn:pedigree:asset:",
    "model": "urn:pedigree:model:",
    "run": "urn:pedigree:run:",
    "actor": "urn:pedigree:actor:",
    "pedigree": "urn:pedigree:",
}


def prov(exported: Exported) -> str:
    """Return the document as PROV-JSON.

    Raises:
        MissingDependencyError: The library ``prov`` is not installed.
    """
    document = library("prov.model", extra="lineage").ProvDocument()
    for prefix, uri in _NAMESPACES.items():
        document.add_namespace(prefix, uri)
    names = {
        node.node_id: _add_state(document, node)
        for node in exported.graph.nodes
        if node.kind is not NodeKind.STEP
    }
    version = _add_version(document, exported)
    training = exported.training
    activity = _add_training(document, exported, training, version) if training else None
    for consumer, used in exported.sources().items():
        for source, edge in used:
            made_of = _attributes(how_known(edge))
            if consumer in names:
                document.derivation(
                    names[consumer], names[source.node_id], other_attributes=made_of
                )
            elif activity is not None:
                document.usage(activity, names[source.node_id], other_attributes=made_of)
                document.derivation(
                    version,
                    names[source.node_id],
                    activity=activity,
                    other_attributes=made_of,
                )
    # A run that wrote several of them is listed for each.
    return str(document.unified().serialize(format="json", indent=2))


def _add_state(document: Any, node: LineageNode) -> str:
    name = f"asset:{quote(name_of(node), safe='')}-{node.node_id}"
    document.entity(name, {"prov:label": name_of(node), **_attributes(facts_of(node))})
    if node.run_id:
        document.activity(_run(node.run_id))
        document.generation(name, _run(node.run_id), time=node.at)
    return name


def _add_version(document: Any, exported: Exported) -> str:
    version = exported.version
    name = f"model:{quote(version.model_name, safe='')}-{version.version_id}"
    bytes_of = {"digest": version.digest} if version.digest else {"state": version.state.value}
    document.entity(name, {"prov:label": version.reference, **_attributes(bytes_of)})
    if exported.training is None:
        agent = _add_actor(document, version.created_by)
        document.attribution(name, agent)
    return name


def _add_training(document: Any, exported: Exported, training: Training, version: str) -> str:
    """Add the activity that made a version."""
    activity = f"run:{run_of(training)}"
    document.activity(
        activity,
        other_attributes={"prov:label": exported.step.asset, **_attributes(exported.code())},
    )
    agent = _add_actor(document, training.created_by)
    document.generation(version, activity, time=training.created_at)
    document.association(activity, agent)
    document.attribution(version, agent)
    return activity


def _add_actor(document: Any, name: str) -> str:
    agent = f"actor:{quote(name, safe='')}"
    document.agent(agent, {"prov:label": name})
    return agent


def _run(run_id: str) -> str:
    return f"run:{run_uuid(run_id)}"


def _attributes(facts: Mapping[str, str]) -> dict[str, str]:
    return {f"pedigree:{name}": value for name, value in facts.items()}

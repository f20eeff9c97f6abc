"""The libraries of the formats read the exported lineage."""

import json
import sys
from pathlib import Path

import pytest
from openlineage.client import event_v2, facet_v2
from prov.model import (
    ProvActivity,
    ProvAssociation,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvUsage,
)

from pedigree.catalog.records import TrainingOrigin
from pedigree.errors import InvalidInputError, MissingDependencyError
from pedigree.lineage.records import Certainty
from pedigree.registry import Registry
from tests.factories import COMMIT, register
from tests.lineage.graphs import graph, missing, node

RUN = "0b6f2cb7-3a0c-4a4b-9d2e-9a4f3d9a1f00"
GRAPH = graph(
    node(1, "flights", "2013-01", "v1"),
    missing(3, "weather"),
    behind=(node(2, "raw", run_id=None),),
)


@pytest.fixture
def exported(registry: Registry, tmp_path: Path) -> Registry:
    origin = TrainingOrigin(instance_id="here", asset="models/churn")
    register(registry, tmp_path, "a", lineage=GRAPH, run_id=RUN, origin=origin, owners=("ann",))
    return registry


def read_event(said: dict) -> event_v2.RunEvent:
    """Build an event by the library's own classes, which check ids, times and addresses."""
    tags, version = facet_v2.tags_dataset, facet_v2.dataset_version_dataset

    def dataset(kind: type, each: dict) -> object:
        facets = each["facets"]
        assert {
            facet["_schemaURL"].partition("#")[0].rpartition("/")[2] for facet in facets.values()
        } <= {
            *("DatasetVersionDatasetFacet.json", "TagsDatasetFacet.json"),
            *("SymlinksDatasetFacet.json", "OwnershipDatasetFacet.json"),
        }
        built = {
            "tags": tags.TagsDatasetFacet(
                tags=[tags.TagsDatasetFacetFields(**tag) for tag in facets["tags"]["tags"]]
            )
        }
        if "version" in facets:
            said_version = facets["version"]["datasetVersion"]
            built["version"] = version.DatasetVersionDatasetFacet(datasetVersion=said_version)
        return kind(namespace=each["namespace"], name=each["name"], facets=built)

    return event_v2.RunEvent(
        eventTime=said["eventTime"],
        eventType=event_v2.RunState(said["eventType"]),
        producer=said["producer"],
        run=event_v2.Run(runId=said["run"]["runId"]),
        job=event_v2.Job(namespace=said["job"]["namespace"], name=said["job"]["name"]),
        inputs=[dataset(event_v2.InputDataset, each) for each in said["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, each) for each in said["outputs"]],
    )


def test_openlineage_has_events_for_the_training_and_its_upstream_runs(
    exported: Registry,
) -> None:
    said = json.loads(exported.export_lineage("churn/1", "openlineage"))
    made, trained = map(read_event, said)
    assert [one.name for one in made.inputs] == ["raw"]
    assert [one.name for one in made.outputs] == ["flights[2013-01]"]
    assert [one.name for one in trained.inputs] == ["flights[2013-01]", "weather"]
    assert (trained.job.namespace, trained.job.name) == ("dagster://here", "models/churn")
    assert trained.run.runId == RUN
    (output,) = trained.outputs
    version = exported.get("churn/1")
    assert output.facets["version"].datasetVersion == version.digest
    tags = {tag["key"]: tag["value"] for tag in said[1]["run"]["facets"]["tags"]["tags"]}
    assert (tags["git_commit"], tags["git_dirty"], tags["raced"]) == (COMMIT, "false", "false")
    flights, weather = said[1]["inputs"]
    facts = {tag["key"]: tag["value"] for tag in flights["facets"]["tags"]["tags"]}
    assert (facts["storage_id"], facts["known_by"], facts["partition"]) == (
        "101",
        "read",
        "2013-01",
    )
    facts = {tag["key"]: tag["value"] for tag in weather["facets"]["tags"]["tags"]}
    assert facts["not_known"] == "storage_id, run_id, data_version, code_version, at"
    (whole,) = flights["facets"]["symlinks"]["identifiers"]
    assert whole["name"] == "flights"


def test_prov_has_activities_with_their_inputs_and_outputs(exported: Registry) -> None:
    text = exported.export_lineage("churn/1", "prov")
    document = ProvDocument.deserialize(content=text, format="json")
    labels = {str(one.identifier): str(one.label) for one in document.get_records(ProvEntity)}
    assert sorted(labels.values()) == ["churn/1", "flights[2013-01]", "raw", "weather"]

    def pairs(kind: type) -> list[tuple[str, str]]:
        found = [
            [str(value) for _, value in one.formal_attributes[:2]]
            for one in document.get_records(kind)
        ]
        return sorted((labels.get(a, a), labels.get(b, b)) for a, b in found)

    activity = f"run:{RUN}"
    assert pairs(ProvUsage) == [(activity, "flights[2013-01]"), (activity, "weather")]
    assert pairs(ProvDerivation) == [
        ("churn/1", "flights[2013-01]"),
        ("churn/1", "weather"),
        ("flights[2013-01]", "raw"),
    ]
    assert pairs(ProvAssociation) == [(activity, "actor:tester")]
    assert activity in {str(one.identifier) for one in document.get_records(ProvActivity)}
    # what was read back is the same document
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document


def tags_of(said: dict, name: str) -> dict[str, str]:
    """The tags of a run, or of its input of a name."""
    parts = {each["name"]: each for each in said["inputs"]} | {"": said["run"]}
    return {tag["key"]: tag["value"] for tag in parts[name]["facets"]["tags"]["tags"]}


def test_openlineage_marks_possible_and_unknown_inputs(registry: Registry, tmp_path: Path) -> None:
    lost = missing(3, "rates", upstream=("bank", "fx"))
    lineage = graph(node(1, "a"), lost, behind=(node(2, "b"),), certainty=Certainty.POSSIBLE)
    register(registry, tmp_path, "a", lineage=lineage)
    made, trained = json.loads(registry.export_lineage("churn/1", "openlineage"))
    assert tags_of(made, "b")["certainty"] == "possible"
    assert tags_of(trained, "a")["certainty"] == "read"
    rates = tags_of(trained, "rates")
    assert (rates["certainty"], rates["may_depend_on"]) == ("unknown", "bank, fx")
    assert tags_of(trained, "")["may_depend_on"] == "bank, fx"


def test_prov_marks_possible_and_unknown_inputs(registry: Registry, tmp_path: Path) -> None:
    lost = missing(3, "rates", upstream=None)
    lineage = graph(node(1, "a"), lost, behind=(node(2, "b"),), certainty=Certainty.POSSIBLE)
    register(registry, tmp_path, "a", lineage=lineage)
    document = ProvDocument.deserialize(
        content=registry.export_lineage("churn/1", "prov"), format="json"
    )
    said = [
        sorted(str(value) for _, value in one.extra_attributes)
        for one in document.get_records(ProvDerivation)
    ]
    assert sorted(said) == [["possible", "provenance"], ["read", "read"], ["read", "unknown"]]
    (rates,) = [one for one in document.get_records(ProvEntity) if str(one.label) == "rates"]
    assert "any asset" in {str(value) for _, value in rates.extra_attributes}


def test_a_version_without_lineage_is_exported(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    (event,) = map(read_event, json.loads(registry.export_lineage("churn/1", "openlineage")))
    assert (event.inputs, event.job.name) == ([], "churn")
    (said,) = json.loads(registry.export_lineage("churn/1", "openlineage"))
    assert tags_of(said, "")["may_depend_on"] == "any asset"
    document = ProvDocument.deserialize(content=registry.export_lineage("churn/1", "prov"))
    assert len(list(document.get_records(ProvEntity))) == 1


def test_an_unknown_format_and_a_missing_library_have_a_remedy(
    exported: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="Choose one of openlineage, prov"):
        exported.export_lineage("churn/1", "xml")
    for library, form in (("prov.model", "prov"), ("openlineage.client.serde", "openlineage")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(MissingDependencyError, match=r"pedigree-registry\[lineage\]"):
            exported.export_lineage("churn/1", form)

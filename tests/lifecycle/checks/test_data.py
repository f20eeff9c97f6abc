"""The two checks of a version's training data."""

from pathlib import Path

import pytest

from pedigree.datasets.records import Datasheet, DataVerdict
from pedigree.lifecycle.records import Severity
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.checks.conftest import Judge
from tests.lineage.graphs import STEP, edge, graph, missing, node

EXPECTATIONS = "training_data_expectations"
DATASHEETS = "datasheets_present"
GRAPH = LineageGraph(
    nodes=(
        LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn"),
        LineageNode(
            node_id=1,
            kind=NodeKind.MATERIALIZATION,
            asset="features",
            partition="2024-01",
            storage_id=7,
            run_id="run-7",
            data_version="abc",
        ),
        LineageNode(node_id=2, kind=NodeKind.OBSERVATION, asset="customers", storage_id=3),
        LineageNode(node_id=3, kind=NodeKind.MISSING, asset="contracts"),
    ),
    edges=(
        LineageEdge(consumer=0, source=1, capture=Capture.READ, certainty=Certainty.READ),
        LineageEdge(consumer=1, source=2, capture=Capture.PROVENANCE, certainty=Certainty.PROVED),
        LineageEdge(consumer=1, source=3, capture=Capture.PROVENANCE, certainty=Certainty.UNKNOWN),
    ),
)


@pytest.fixture
def trained(registry: Registry, tmp_path: Path, judge: Judge) -> str:
    return register(registry, tmp_path, "trained", lineage=GRAPH)


def found(passed: bool = True, **fields: object) -> DataVerdict:
    state = {
        "asset": "features",
        "partition": "2024-01",
        "storage_id": 7,
        "materialized_by": "run-7",
    }
    state["materialized_by"] = "run-7"
    said = {"check": "suite", "passed": passed, "summary": "3 of 4 expectations are met"}
    return DataVerdict.model_validate({**state, **said, **fields})


def test_what_was_found_on_exactly_that_data_counts(
    registry: Registry, trained: str, judge: Judge
) -> None:
    assert judge(EXPECTATIONS, trained).summary == "no check ran on its training data"
    for other in ({"storage_id": 8}, {"materialized_by": "run-8"}, {"partition": "2024-02"}):
        registry.record_data_verdict(found(**other))
    assert not judge(EXPECTATIONS, trained).passed
    recorded = registry.record_data_verdict(found(run_id="run-9"))
    verdict = judge(EXPECTATIONS, trained)
    assert verdict.passed
    assert verdict.details["verdicts"] == [recorded.model_dump(mode="json")]


def test_the_same_content_counts_wherever_it_turned_up(
    registry: Registry, trained: str, judge: Judge
) -> None:
    registry.record_data_verdict(found(storage_id=99, data_version="abc"))
    assert judge(EXPECTATIONS, trained).passed


def test_the_newest_failure_fails_and_a_warning_warns(
    registry: Registry, trained: str, judge: Judge
) -> None:
    registry.record_data_verdict(found())
    registry.record_data_verdict(found(passed=False))
    failed = judge(EXPECTATIONS, trained)
    assert failed.severity is Severity.ERROR
    assert failed.summary == "suite on features[2024-01]: 3 of 4 expectations are met"
    registry.record_data_verdict(found(passed=False, severity="warn"))
    warned = judge(EXPECTATIONS, trained)
    assert (warned.passed, warned.severity) == (False, Severity.WARN)
    assert not judge(EXPECTATIONS, trained, checks=["another"]).passed


def test_every_asset_that_is_named_must_have_been_checked(
    registry: Registry, trained: str, judge: Judge
) -> None:
    registry.record_data_verdict(found())
    assert judge(EXPECTATIONS, trained, assets=["features"]).passed
    lacking = judge(EXPECTATIONS, trained, assets=["features", "customers", "prices"])
    assert lacking.details["unchecked"] == [
        "prices is not part of its training data",
        "no check ran on customers",
    ]


def test_every_source_needs_a_datasheet(registry: Registry, trained: str, judge: Judge) -> None:
    verdict = judge(DATASHEETS, trained)
    assert verdict.summary == "contracts has no datasheet, customers has no datasheet"
    registry.set_datasheet("contracts", Datasheet(uri="https://example.com/contracts"))
    registry.set_datasheet("customers", Datasheet(motivation="billing", composition="one a row"))
    verdict = judge(DATASHEETS, trained)
    assert verdict.summary == "the datasheet of customers has no collection"
    assert judge(DATASHEETS, trained, sections=["motivation"]).passed
    assert set(verdict.details["datasheets"]) == {"contracts", "customers"}


def test_without_lineage_no_source_is_known(judge: Judge) -> None:
    assert judge(DATASHEETS).summary == "its training data is not recorded"


def test_datasheets_of_what_may_be_upstream_are_wanted_too(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    lost = graph(missing(1, "clean", upstream=("raw", "bureau")))
    reference = register(registry, tmp_path, "lost", lineage=lost)
    for asset in ("clean", "raw"):
        registry.set_datasheet(asset, Datasheet(uri="https://example.com/data"))
    assert judge(DATASHEETS, reference).summary == (
        "it is not known whether it depends on bureau, and bureau has no datasheet"
    )
    registry.set_datasheet("bureau", Datasheet(uri="https://example.com/data"))
    assert judge(DATASHEETS, reference).passed
    unbounded = graph(missing(1, "clean", upstream=None))
    reference = register(registry, tmp_path, "unbounded", lineage=unbounded)
    assert judge(DATASHEETS, reference).summary == "what else it depends on is not known"


def test_expectations_on_data_that_is_only_possible_are_not_called_exact(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    months = tuple(node(number, "features", f"2024-0{number}") for number in (1, 2))
    edges = tuple(edge(0, each.node_id, Certainty.POSSIBLE) for each in months)
    lineage = LineageGraph(nodes=(STEP, *months), edges=edges)
    reference = register(registry, tmp_path, "possible", lineage=lineage)
    registry.record_data_verdict(found(storage_id=101, materialized_by="run-0"))
    assert judge(EXPECTATIONS, reference).summary == (
        "no check ran on all of its possible training data"
    )
    other = found(storage_id=102, materialized_by="run-0", partition="2024-02")
    registry.record_data_verdict(other)
    verdict = judge(EXPECTATIONS, reference)
    assert verdict.passed
    assert verdict.summary == ("2 checks on its certain or possible training data passed")


def test_whether_it_was_trained_on_a_named_asset_may_not_be_known(
    registry: Registry, tmp_path: Path, judge: Judge
) -> None:
    lost = graph(missing(1, "clean", upstream=("raw",)))
    reference = register(registry, tmp_path, "lost", lineage=lost)
    assert judge(EXPECTATIONS, reference, assets=["raw", "prices"]).details["unchecked"] == [
        "prices is not part of its training data",
        "it is not known whether it was trained on raw",
    ]

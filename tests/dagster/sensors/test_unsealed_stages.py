"""A stage that a version without bytes holds has a data version in the graph: its reference."""

from pathlib import Path

import dagster as dg

from pedigree.dagster.capture.event_log import latest
from pedigree.registry import Registry
from tests.dagster.location import CHURN, PRODUCTION, Location
from tests.factories import free_policy
from tests.unsealed import by_reference


def data_version(location: Location, key: dg.AssetKey) -> str | None:
    """The data version of an asset's newest event, as Dagster knows it."""
    (event,) = latest(location.instance, key, None).values()
    return event.data_version


def test_a_stage_of_a_version_by_reference_has_its_reference_as_data_version(
    location: Location, pedigree: Registry, tmp_path: Path
) -> None:
    pedigree.create_model("churn")
    pedigree.set_policy("churn", free_policy())
    for _ in range(2):
        by_reference(pedigree)
    for stage in ("candidate", "staging", "production"):
        pedigree.promote("churn/1", stage)
    assert {("staging", "1"), ("production", "1")} <= set(location.mirror())
    assert data_version(location, PRODUCTION) == "unsealed:churn/1"
    assert data_version(location, CHURN.key) == "unsealed:churn/2"
    location.materialize(PRODUCTION)  # by a run, not by the mirror
    assert data_version(location, PRODUCTION) == "unsealed:churn/1"
    for stage in ("candidate", "staging", "production"):
        pedigree.promote("churn/2", stage)
    location.mirror()
    assert data_version(location, PRODUCTION) == "unsealed:churn/2"  # another version, another data
    (tmp_path / "model").write_bytes(b"weights")
    sealed = pedigree.seal("churn/2", tmp_path / "model")
    assert ("churn", "2") in location.mirror()
    assert data_version(location, CHURN.key) == sealed.digest
    location.mirror()  # it compares the graph at two ticks without news
    assert location.mirror() == [("production", "2")]
    assert data_version(location, PRODUCTION) == sealed.digest
    location.materialize(PRODUCTION)
    assert data_version(location, PRODUCTION) == sealed.digest
    assert location.mirror() == location.mirror() == []

"""The flights by month: the lineage of the model does not change with later data."""

import pytest

from demo.report import inputs_of
from demo.session import Session
from pedigree.dagster.assets.names import slug

MODEL = "models/flight_delay"
OP = slug("flight_delay")
TWO_MONTHS = {OP: {"first_month": "2013-02", "last_month": "2013-03", "iterations": 5}}
CLEANED = {"flights": {"arrived_only": True}}
MONTHS = ["2013-01", "2013-02", "2013-03", "2013-04"]
SCORES = "flight_delay_scores"


@pytest.fixture
def trained(session: Session) -> Session:
    """Four months of flights, and a model trained on the second and the third."""
    for month in MONTHS:
        session.materialize("flights", partitions=[month])
    session.materialize(MODEL, config=TWO_MONTHS)
    return session


def test_the_lineage_names_exactly_the_months_of_the_config(trained: Session) -> None:
    inputs = inputs_of(trained.registry, "flight_delay/1")
    assert [(one.asset, one.partition, one.capture) for one in inputs] == [
        ("flights", "2013-02", "read"),
        ("flights", "2013-03", "read"),
    ]
    for one in inputs:
        month = trained.latest("flights", one.partition)
        assert month is not None
        assert one.data_version == month.tags["dagster/data_version"]


def test_only_a_change_of_a_training_month_makes_the_version_stale(
    trained: Session,
) -> None:
    before = trained.registry.lineage("flight_delay/1")
    trained.materialize("flights", partitions=["2013-04"], config=CLEANED)
    unmoved = trained.registry.stale("flight_delay/1")
    assert (unmoved.known, unmoved.inputs) == (True, ())
    trained.materialize("flights", partitions=["2013-02"], config=CLEANED)
    assert trained.registry.lineage("flight_delay/1") == before
    (stale,) = trained.registry.stale("flight_delay/1").inputs
    now = trained.latest("flights", "2013-02")
    assert now is not None
    assert (stale.asset, stale.partition) == ("flights", "2013-02")
    assert stale.now == now.tags["dagster/data_version"] != stale.trained_on


@pytest.mark.system
def test_months_scored_in_one_run_have_a_data_version_and_provenance_each(
    trained: Session,
) -> None:
    trained.promote_due()
    trained.materialize(SCORES, partitions=MONTHS)
    assert len({trained.run_of(SCORES, month) for month in MONTHS}) == 1
    scored = [trained.latest(SCORES, month) for month in MONTHS]
    versions = set()
    for month, event in zip(MONTHS, scored, strict=True):
        read = trained.latest("flights", month)
        assert event is not None
        assert read is not None
        assert event.metadata["model"].value == "flight_delay/1"
        versions.add(event.tags["dagster/data_version"])
        holder = event.tags["dagster/input_data_version/models/flight_delay/production"]
        assert holder == trained.registry.get("flight_delay/1").digest
    assert len(versions) == len(MONTHS)
    frames = trained.definitions.load_asset_value(
        SCORES, instance=trained.instance, partition_key="2013-04"
    )
    assert frames["expected_delay"].notna().all()


@pytest.mark.system
def test_only_a_changed_month_is_scored_again(trained: Session) -> None:
    trained.follow()
    trained.promote_due()
    (first,) = trained.follow()
    assert first.partitions == tuple(MONTHS)
    trained.materialize("flights", partitions=["2013-04"], config=CLEANED)
    (again,) = trained.follow()
    assert (again.asset, again.partitions) == (SCORES, ("2013-04",))

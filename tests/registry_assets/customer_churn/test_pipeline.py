"""The churn pipeline on real customers: data, versions and checks."""

from typing import Any

import pytest

from demo.session import Session
from pedigree.dagster.assets.names import slug

DATA = ("customers", "customer_features", "churn_training_customers", "churn_test_customers")
MODEL = "models/customer_churn"
OP = slug("customer_churn")
LOGISTIC = {OP: {"estimator": "logistic"}}
OTHER_COMPANY = {"customers": {"source": "wa_churn"}}


def value_of(session: Session, asset: str) -> Any:
    return session.definitions.load_asset_value(asset, instance=session.instance)


def test_the_split_depends_only_on_the_seed_and_keeps_the_churn_rate(session: Session) -> None:
    session.materialize(*DATA)
    training, test = value_of(session, DATA[2]), value_of(session, DATA[3])
    assert (len(training), len(test)) == (3_500, 1_500)
    assert set(training["customer"]).isdisjoint(test["customer"])
    assert training["churn"].mean() == pytest.approx(test["churn"].mean(), abs=0.001)
    first = session.latest(DATA[2])
    session.materialize(*DATA)
    again = session.latest(DATA[2])
    session.materialize(*DATA, config={"churn_split": {"seed": 21}})
    other = session.latest(DATA[2])
    assert first is not None
    assert again is not None
    assert other is not None
    version = "dagster/data_version"
    assert first.tags[version] == again.tags[version] != other.tags[version]


def test_a_training_makes_a_version_with_metrics_data_and_verdicts(
    session: Session,
) -> None:
    session.materialize(*DATA, MODEL, config=LOGISTIC)
    version = session.registry.get("customer_churn/1")
    assert version.stage == "candidate"
    assert version.flavor == "sklearn"
    assert version.metrics["roc_auc"] == pytest.approx(0.832, abs=0.01)
    assert version.params["estimator"] == "logistic"
    inputs = session.registry.lineage("customer_churn/1").inputs()
    assert {(node.asset, capture.value) for node, capture in inputs} == {
        ("churn_training_customers", "read"),
        ("churn_test_customers", "read"),
    }
    behind = {node.asset for node in session.registry.lineage("customer_churn/1").nodes}
    assert {"customers", "customer_features"} <= behind
    verdicts = {each.check: each for each in session.registry.verdicts("customer_churn/1")}
    assert all(verdict.passed for verdict in verdicts.values())
    assert set(verdicts["fairness"].details["measured"]) == {"area_code"}
    assert verdicts["datasheets_present"].details["sources"] == ["customers"]
    baseline = session.registry.profile("customer_churn/1")
    assert baseline.rows == 3_500
    assert baseline.column("probability").role == "prediction"
    (suite,) = verdicts["training_data_expectations"].details["verdicts"]
    assert (suite["asset"], suite["check"]) == ("churn_training_customers", "training_expectations")


@pytest.mark.system
def test_retraining_on_the_same_customers_gives_the_same_version(session: Session) -> None:
    session.materialize(*DATA, MODEL)
    session.materialize(MODEL)
    assert [version.version_id for version in session.registry.versions("customer_churn")] == [1]
    assert len(session.registry.trainings("customer_churn/1")) == 2


@pytest.mark.system
def test_the_signature_stops_a_model_of_another_company(
    session: Session,
) -> None:
    session.materialize(*DATA, MODEL, config=LOGISTIC)
    assert session.promote_due()
    result = session.materialize(*DATA, MODEL, config=OTHER_COMPANY, may_fail=True)
    assert not result.success
    refused = session.registry.get("customer_churn/2")
    failed = {
        verdict.check: verdict.summary
        for verdict in session.registry.verdicts("customer_churn/2")
        if not verdict.passed
    }
    assert "input 'tenure' (double) is new and required" in failed["signature_compatible"]
    assert refused.stage == "none"
    assert not session.promote_due()
    champion = session.registry.champion("customer_churn")
    assert champion is not None
    assert champion.version_id == 1

"""A registry as a team uses it: models in every state that the pages tell apart, and the people."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.catalog.records import TrainingOrigin
from pedigree.datasets.records import Datasheet
from pedigree.evaluation.records import Evaluation, GroupResult, Slice, Task
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.records import MetricRule, Policy, Severity, Verdict
from pedigree.lineage.staleness import InputNow
from pedigree.lineage.usages import NewUsage, Written
from pedigree.monitoring.profile import profile
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from pedigree.signatures.records import Column, ColumnType, Signature
from tests.factories import SIGNATURE, free_policy, register, with_secret_key
from tests.lineage.graphs import MONDAY, graph, missing, node

ANN = "ann@example.com"
"""Who registers and asks."""
BEN = "ben@example.com"
"""Who decides and moves."""
EVE = "eve@example.com"
"""Who audits."""
KIM = "kim@example.com"
"""Who is on call, and administers."""
RAY = "ray@example.com"
"""Who only reads."""

ROLES: Mapping[str, tuple[Role, ...]] = {
    ANN: (Role.CONTRIBUTOR, Role.APPROVER),
    BEN: (Role.DEPLOYER, Role.APPROVER),
    EVE: (Role.READER, Role.AUDITOR),
    KIM: (Role.ADMIN,),
    RAY: (Role.READER,),
}

AGES = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 50})
PARTITION = "2026-03"
_TWO_COLUMNS = Signature(
    inputs=(*SIGNATURE.inputs, Column(name="income", type=ColumnType.DOUBLE)),
    outputs=SIGNATURE.outputs,
)


def tokens(registry: Registry) -> Mapping[str, str]:
    """Give everybody a token, and return them by the people's names."""
    operator = registry.acting_as(Actor(name="operator", source="test"))
    return {name: operator.create_token(name, roles=roles).secret for name, roles in ROLES.items()}


def asking_policy() -> Policy:
    """A policy whose production needs one approval, with a headline metric."""
    policy = free_policy()
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(needed=1)})
        if rule.name == "production"
        else rule
        for rule in policy.stages
    )
    changes = {"stages": stages, "champion_metric": MetricRule(metric="auc")}
    return policy.model_copy(update=changes)


def acting(registry: Registry, name: str) -> Registry:
    """The registry as somebody uses it."""
    return registry.acting_as(Actor(name=name, source="test"))


def fill(registry: Registry, folder: Path) -> None:
    """Fill a registry with everything that the questions are about."""
    ann, ben, kim = (acting(registry, name) for name in (ANN, BEN, KIM))
    _customer_churn(ann, ben, kim, folder)
    _fraud(ann, ben, folder)
    _demand(ann, ben, folder)
    kim.create_model("credit_limit", description="Which limit a new card gets", owners=[BEN])
    LogSealing(with_secret_key(registry, audit_key="database")).attempt()


def _customer_churn(ann: Registry, ben: Registry, kim: Registry, folder: Path) -> None:
    """Production, an open request for it, lineage down to the sources, outputs, checks, plots."""
    name = "customer_churn"
    kim.create_model(
        name,
        description="Which customers leave within a month",
        owners=[ANN, BEN],
        tags={"team": "growth"},
    )
    kim.set_policy(name, asking_policy())
    for number in range(1, 4):
        _version(ann, folder, name, number, SIGNATURE if number < 3 else _TWO_COLUMNS)
    ben.promote(f"{name}/1", "staging", reason="the first one that is any good")
    ann.request_stage(f"{name}/1", "production", reason="callers wait for it")
    ben.approve(f"{name}/1", "production", comment="slices are fine")
    ben.set_alias(name, "baseline", 1)
    ben.promote(f"{name}/2", "staging", reason="more customers, same columns")
    ann.request_stage(f"{name}/2", "production", reason="two points better in spring")
    usages = ann.operations.usages
    written = Written(storage_id=7, data_version="s1", code_version=None, written_at=MONDAY)
    usages.record_usage(
        f"{name}/1", NewUsage(asset="churn_scores", run_id="run-scores", written=written)
    )
    for asset in ("customers", "features"):
        ann.set_datasheet(asset, _datasheet(asset))


def _version(ann: Registry, folder: Path, name: str, number: int, signature: Signature) -> None:
    months = [node(place, "features", f"2026-{place:02}") for place in range(1, 4)]
    sources = (node(10, "customers"), missing(11, "old_customers"))
    reference = register(
        ann,
        folder,
        f"{name} {number}",
        name,
        signature=signature,
        metrics={"auc": 0.80 + number / 50, "log_loss": 0.5 - number / 40},
        params={"depth": number + 2, "learning_rate": 0.1},
        risk_class="high",
        description="Gradient boosting on the last three months",
        environment=("scikit-learn==1.7.2", "pandas==2.3.3"),
        origin=TrainingOrigin(asset=f"models/{name}"),
        lineage=graph(*months, behind=sources),
    )
    digest = ann.get(reference).digest
    for check, passed, severity, said in (
        ("schema", True, Severity.ERROR, "all columns are there"),
        ("slice_metrics", number < 3, Severity.ERROR, "auc in area north is 0.71"),
        ("latency", False, Severity.WARN, "the slowest of 100 took 31 ms"),
    ):
        found = Verdict(check=check, passed=passed, severity=severity, digest=digest, summary=said)
        ann.record_verdict(reference, found)
    ann.set_evaluation(reference, _evaluation(number))


def _evaluation(number: int) -> Evaluation:
    groups = tuple(
        GroupResult(group=area, count=count, metrics={"auc": 0.7 + number / 50 + count / 9000})
        for area, count in (("north", 120), ("south", 410), ("east", 260), ("west", 210))
    )
    return Evaluation(
        task=Task.BINARY,
        data="churn_test",
        overall=GroupResult(group="overall", count=1_000, metrics={"auc": 0.8 + number / 50}),
        slices=(Slice(name="area", groups=groups),),
    )


def _datasheet(asset: str) -> Datasheet:
    return Datasheet(motivation=f"Why {asset} were collected: to know who leaves")


def _fraud(ann: Registry, ben: Registry, folder: Path) -> None:
    """In production and in quarantine, stale, drifted; a version before to roll back to."""
    name = "fraud"
    ann.create_model(
        name, description="Is this payment a fraud?", owners=[ANN], tags={"team": "risk"}
    )
    ann.set_policy(name, free_policy())
    data = graph(node(1, "payments", "2026-02"), node(2, "payments", PARTITION))
    for number in (1, 2):
        reference = register(
            ann, folder, f"fraud {number}", name, metrics={"auc": 0.9 + number / 100}, lineage=data
        )
        ben.promote(reference, "production", reason=f"try number {number}")
    ann.keep_profile(f"{name}/2", profile(AGES))
    ann.measure_drift(f"{name}/2", AGES.assign(age=AGES["age"] + 40), asset="payments")
    ann.operations.staleness.keep_staleness(
        f"{name}/2",
        {("payments", PARTITION): InputNow(data_version="v2", data_behind=1, code_behind=0)},
    )
    ben.quarantine_version(f"{name}/2", reason="labels were swapped")


def _demand(ann: Registry, ben: Registry, folder: Path) -> None:
    """Many versions, the latest of which is not ready."""
    name = "demand"
    ann.create_model(
        name, description="Orders of the next week", owners=[BEN], tags={"team": "supply"}
    )
    ann.set_policy(name, asking_policy())
    for number in range(1, 15):
        register(ann, folder, f"demand {number}", name, metrics={"auc": 0.6 + number / 60})
    ben.promote(f"{name}/12", "staging", reason="a dozen")

"""The first half of the demo: customers, three models of their churn, a promotion, a rollback."""

from demo.report import Fact
from demo.session import Scored, Session
from pedigree.dagster.assets.names import slug

MODEL = "customer_churn"
ASSET = "models/customer_churn"
SCORES = "churn_scores"
DATA = ("customers", "customer_features", "churn_training_customers", "churn_test_customers")
OP = slug(MODEL)

DECENT = {"estimator": "logistic"}
BETTER = {"estimator": "gradient_boosting", "iterations": 100, "max_depth": 3}
WORSE = {"estimator": "gradient_boosting", "iterations": 2, "max_depth": 1}


def train_first(session: Session) -> list[Fact]:
    """Read the customers and train a decent model."""
    session.follow()  # the conditions' first evaluation, before any asset exists
    session.materialize(*DATA, ASSET, config={OP: DECENT})
    requests = session.promote_due()
    scored = session.follow()
    return [
        _promoted(session, 1, len(requests)),
        _scored_with(session, 1, scored, "the first promotion"),
    ]


def train_better(session: Session) -> list[Fact]:
    """Train a better model on the same customers, which replaces the first one."""
    session.materialize(ASSET, config={OP: BETTER})
    requests = session.promote_due()
    scored = session.follow()
    first = session.registry.get(f"{MODEL}/1")
    return [
        _promoted(session, 2, len(requests)),
        Fact(
            name=f"{MODEL}/1 was replaced",
            held=first.stage == "archived",
            shown=f"it is {first.stage} now",
        ),
        _scored_with(session, 2, scored, "the second promotion"),
    ]


def train_worse(session: Session) -> list[Fact]:
    """Train a worse model; its check stops it."""
    session.materialize(ASSET, config={OP: WORSE}, may_fail=True)
    return _stopped(session, 3, "no_regression")


def train_incompatible(session: Session) -> list[Fact]:
    """Train on another company's customers, with a signature that breaks production's callers."""
    other = {"customers": {"source": "wa_churn"}}
    session.materialize(*DATA, ASSET, config={**other, OP: BETTER}, may_fail=True)
    facts = _stopped(session, 4, "signature_compatible")
    session.materialize(*DATA)  # the original customers again, which production scores
    return facts


def roll_back(session: Session) -> list[Fact]:
    """Roll production back outside Dagster, as a person does; the asset graph follows."""
    session.registry.rollback(MODEL, reason="shown by the demo")
    mirrored = session.mirror_changes()
    scored = session.follow()
    requests = session.promote_due()
    holder = session.registry.champion(MODEL)
    return [
        Fact(
            name="a rollback outside Dagster appears in the asset graph",
            held=any(event.asset_key.path[-1] == "production" for event in mirrored),
            shown="; ".join(str(event.description) for event in mirrored)
            or "the mirror reported nothing",
        ),
        _scored_with(session, 1, scored, "the rollback"),
        Fact(
            name=f"{MODEL}/2 is not promoted again after the rollback",
            held=not requests and holder is not None and holder.version_id == 1,
            shown=f"production has {holder.reference if holder else 'nothing'}",
        ),
    ]


def _promoted(session: Session, version: int, requests: int) -> Fact:
    holder = session.registry.champion(MODEL)
    return Fact(
        name=f"{MODEL}/{version} was promoted by the sensor",
        held=requests > 0 and holder is not None and holder.version_id == version,
        shown=f"{requests} run requests; production has "
        f"{holder.reference if holder else 'nothing'}",
    )


def _scored_with(session: Session, version: int, scored: tuple[Scored, ...], after: str) -> Fact:
    latest = session.latest(SCORES)
    used = str(latest.metadata["model"].value) if latest else "nothing"
    return Fact(
        name=f"{SCORES} was recomputed after {after}",
        held=any(run.asset == SCORES for run in scored) and used == f"{MODEL}/{version}",
        shown=f"with {used}",
    )


def _stopped(session: Session, version: int, check: str) -> list[Fact]:
    requests = session.promote_due()
    scored = [run for run in session.follow() if run.asset == SCORES]
    stopped = session.registry.get(f"{MODEL}/{version}")
    failed = {
        verdict.check: verdict.summary
        for verdict in session.registry.verdicts(stopped.reference)
        if not verdict.passed
    }
    return [
        Fact(
            name=f"{stopped.reference} was stopped by {check}",
            held=check in failed and stopped.stage == "none" and not requests and not scored,
            shown=_shortened(failed.get(check, "the check passed")),
        )
    ]


def _shortened(text: str, limit: int = 90) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"

"""The second half of the demo: flights by month, a model of six months, and its lineage."""

from collections.abc import Callable

from demo.report import Fact, Input, inputs_of
from demo.session import Session
from pedigree.dagster.assets.names import slug

MODEL = "flight_delay"
ASSET = "models/flight_delay"
MONTHS = tuple(f"2013-{month:02}" for month in range(1, 13))
TRAINED = MONTHS[:6]
OP = slug(MODEL)
SCORES = "flight_delay_scores"
EARLIER, LATER = "2013-03", "2013-09"
CLEANED = {"flights": {"arrived_only": True}}


def read_months(session: Session, advance: Callable[[str], None]) -> None:
    """Materialize the flights, month by month."""
    for month in MONTHS:
        advance(month)
        session.materialize("flights", partitions=[month])


def train_and_score(session: Session) -> list[Fact]:
    """Train on half of the year; after its promotion the model scores all months in one run."""
    config = {"first_month": TRAINED[0], "last_month": TRAINED[-1]}
    session.materialize(ASSET, config={OP: config})
    requests = session.promote_due()
    scored = [run for run in session.follow() if run.asset == SCORES]
    holder = session.registry.champion(MODEL)
    runs = {month: session.run_of(SCORES, month) for month in MONTHS}
    return [
        _trained_on(inputs_of(session.registry, f"{MODEL}/1")),
        Fact(
            name=f"{MODEL}/1 was promoted by the sensor",
            held=bool(requests) and holder is not None and holder.version_id == 1,
            shown=f"{len(requests)} run requests",
        ),
        Fact(
            name="all twelve months were scored in one run",
            held=len(scored) == 1 and len(set(runs.values())) == 1 and None not in runs.values(),
            shown=f"{len(runs)} months, {len(set(runs.values()))} run",
        ),
    ]


def change_months(session: Session) -> list[Fact]:
    """Clean a later and a training month again; the model's lineage does not change."""
    before = inputs_of(session.registry, f"{MODEL}/1")
    session.materialize("flights", partitions=[LATER], config=CLEANED)
    stale_by_later = session.registry.stale(f"{MODEL}/1").inputs
    session.materialize("flights", partitions=[EARLIER], config=CLEANED)
    after = inputs_of(session.registry, f"{MODEL}/1")
    stale = session.registry.stale(f"{MODEL}/1").inputs
    scored = [run for run in session.follow() if run.asset == SCORES]
    again = tuple(month for run in scored for month in run.partitions)
    return [
        Fact(
            name="the lineage is unchanged after a later and an earlier month changed",
            held=before == after and _months(after) == TRAINED,
            shown=f"{len(after)} months, every data version the same",
        ),
        Fact(
            name=f"{MODEL}/1 is stale by the earlier month alone",
            held=not stale_by_later and [source.partition for source in stale] == [EARLIER],
            shown=", ".join(f"{source.asset} {source.partition}" for source in stale)
            or "not stale",
        ),
        Fact(
            name="only the changed months were scored again",
            held=again == (EARLIER, LATER),
            shown=", ".join(again) or "none",
        ),
    ]


def _trained_on(inputs: tuple[Input, ...]) -> Fact:
    return Fact(
        name=f"the lineage of {MODEL}/1 names exactly the months of its config",
        held=_months(inputs) == TRAINED and all(source.capture == "read" for source in inputs),
        shown=f"{TRAINED[0]} to {TRAINED[-1]}",
    )


def _months(inputs: tuple[Input, ...]) -> tuple[str | None, ...]:
    return tuple(source.partition for source in inputs if source.asset == "flights")

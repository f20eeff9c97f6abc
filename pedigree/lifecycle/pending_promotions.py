"""Store for each candidate what it waits for, and when to evaluate it again."""

from collections.abc import Collection, Iterable

from pedigree._record import RecordPage
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_number
from pedigree.lifecycle.decision_records import Candidacy, Explanation
from pedigree.lifecycle.gate_facts import ModelFacts
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.store import SQL
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Transaction


def write_candidacies(
    transaction: Transaction, model: ModelFacts, explanations: Iterable[Explanation]
) -> tuple[str, ...]:
    """Replace the stored candidacies of a model; unchanged ones are not written again.

    Returns:
        The runs of the versions that no longer wait.
    """
    wanted = {(each.version_id, each.stage): each for each in _candidacies(model, explanations)}
    rows = transaction.execute(SQL["candidacies_of_model"], {"model_id": model.model_id}).fetchall()
    kept = {(row["version_id"], row["stage"]): Candidacy(**row) for row in rows}
    news = [
        candidacy
        for key, candidacy in sorted(wanted.items())
        if key not in kept or _differ(kept[key], candidacy)
    ]
    if news:
        with transaction.cursor() as cursor:
            cursor.executemany(
                SQL["write_candidacy"],
                [
                    {
                        "model_id": model.model_id,
                        **candidacy.model_dump(exclude={"waits_for"}),
                        "waits_for": list(candidacy.waits_for),
                    }
                    for candidacy in news
                ],
            )
    return _end(transaction, model.model_id, kept.keys() - wanted.keys())


def _end(
    transaction: Transaction, model_id: int, ended: Collection[tuple[int, str]]
) -> tuple[str, ...]:
    if not ended:
        return ()
    versions, stages = zip(*sorted(ended), strict=True)
    rows = transaction.execute(
        SQL["end_candidacies"],
        {"model_id": model_id, "versions": list(versions), "stages": list(stages)},
    ).fetchall()
    return tuple(row["run_id"] for row in rows)


def _candidacies(model: ModelFacts, explanations: Iterable[Explanation]) -> Iterable[Candidacy]:
    for each in explanations:
        _, version = parse_number(each.reference)
        yield Candidacy(
            version_id=version,
            stage=each.stage,
            waits_for=each.waits_for,
            evaluated_at=model.at,
            next_evaluation_at=each.next_evaluation_at,
        )


def _differ(kept: Candidacy, candidacy: Candidacy) -> bool:
    return (kept.waits_for, kept.next_evaluation_at) != (
        candidacy.waits_for,
        candidacy.next_evaluation_at,
    )


def candidacies(
    transaction: Transaction, version: ModelVersion, *, limit: int, after: str | None
) -> RecordPage[Candidacy]:
    """Return a page of what a version waited for at the last evaluation, by stage."""
    model = model_state(transaction, version.model_name)
    found = fetch_page(
        transaction,
        SQL["candidacies_of_version"],
        {
            "model_id": model["model_id"],
            "version": version.version_id,
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage((Candidacy(**row) for row in found.rows), is_cut=found.is_cut)


def names_to_evaluate(transaction: Transaction) -> tuple[str, ...]:
    """Return the models with a candidate that is due for evaluation."""
    rows = transaction.execute(SQL["models_to_evaluate"]).fetchall()
    return tuple(row["name"] for row in rows)

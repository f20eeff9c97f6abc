"""A registry of ten thousand models: the verbs make one, the others are copies of its rows.

Each model has two versions with lineage. The first is in production; the second
is a candidate that waits for the end of its soak.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks._owner import owner_of
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Signature
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, Policy, StageRule
from pedigree.lineage.records import LineageGraph
from pedigree.monitoring.records import DriftRule
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.records import ColumnType

TEMPLATE = "template"
PRODUCTION = "production"
_CHECK = "metadata_complete"
_COPIES = """
CREATE TEMPORARY TABLE copied ON COMMIT DROP AS
SELECT number, 'm' || lpad(number::text, 5, '0') AS name, t.*
FROM generate_series(1, %(models)s) AS number
CROSS JOIN (
    SELECT model_id AS original, created_at, created_by, next_version, generation, policy
    FROM pedigree.registered_model WHERE name_key = %(template)s
) AS t;

INSERT INTO pedigree.registered_model (
    name, name_key, log_name, next_version, generation, policy, created_at, created_by,
    last_updated_at
)
SELECT name, name, name, next_version, generation, policy, created_at, created_by, created_at
FROM copied;

CREATE TEMPORARY TABLE twin ON COMMIT DROP AS
SELECT copied.original, m.model_id FROM copied JOIN pedigree.registered_model m USING (name);

INSERT INTO pedigree.model_version (
    model_id, version, digest, flavor, signature, created_at, created_by, created_by_source
)
SELECT twin.model_id, version, digest, flavor, signature, created_at, created_by, created_by_source
FROM twin JOIN pedigree.model_version v ON v.model_id = twin.original;

CREATE TEMPORARY TABLE trained ON COMMIT DROP AS
SELECT twin.model_id, gen_random_uuid() AS training_id, t.training_id AS original
FROM twin JOIN pedigree.training t ON t.model_id = twin.original;

INSERT INTO pedigree.training (
    training_id, model_id, version, run_id, git_commit, git_dirty, git_source, metrics, params,
    created_at, created_by, created_by_source
)
SELECT trained.training_id, trained.model_id, version, run_id, git_commit, git_dirty, git_source,
    metrics, params, created_at, created_by, created_by_source
FROM trained JOIN pedigree.training t ON t.training_id = trained.original;

INSERT INTO pedigree.lineage_node (
    training_id, node_id, kind, asset, partition, storage_id, run_id, data_version, code_version,
    at, certainty, upstream
)
SELECT trained.training_id, node_id, kind, asset, partition, storage_id, run_id, data_version,
    code_version, at, certainty, upstream
FROM trained JOIN pedigree.lineage_node n ON n.training_id = trained.original;

INSERT INTO pedigree.lineage_edge (training_id, consumer, source, capture, certainty)
SELECT trained.training_id, consumer, source, capture, certainty
FROM trained JOIN pedigree.lineage_edge e ON e.training_id = trained.original;

INSERT INTO pedigree.tenure (
    model_id, version, pointer, name, exclusive, held_since, held_until, moved_by, ended_by
)
SELECT twin.model_id, version, pointer, name, exclusive, held_since, held_until, moved_by, ended_by
FROM twin JOIN pedigree.tenure t ON t.model_id = twin.original
ORDER BY twin.model_id, t.tenure_id;

INSERT INTO pedigree.verdict (
    model_id, version, check_name, passed, severity, digest, relative, summary, details, at,
    recorded_by
)
SELECT twin.model_id, version, check_name, passed, severity, digest, relative, summary, details, at,
    recorded_by
FROM twin JOIN pedigree.verdict v ON v.model_id = twin.original;

INSERT INTO pedigree.candidacy (
    model_id, version, stage, waits_for, evaluated_at, next_evaluation_at
)
SELECT twin.model_id, version, stage, waits_for, evaluated_at, next_evaluation_at
FROM twin JOIN pedigree.candidacy c ON c.model_id = twin.original;

ANALYZE;
"""


def policy() -> Policy:
    """Return the policy of each of them: production requires a soak of a day as candidate."""
    candidate, _, production, _ = default_policy().stages
    soaking = {"after": (CANDIDATE, ARCHIVED), "checks": (), "soak": timedelta(days=1)}
    return Policy(
        drift=DriftRule(),
        stages=(
            candidate.model_copy(update={"checks": candidate.checks[:1]}),
            production.model_copy(update=soaking),
            StageRule(name=ARCHIVED, after=(CANDIDATE, PRODUCTION)),
        ),
    )


def name_of(number: int) -> str:
    """Return a model's name."""
    return f"m{number:05}"


def fill(registry: Registry, folder: Path, models: int, lineage: LineageGraph) -> None:
    """Make one model, and copies of it up to a number of models."""
    in_use, waits = (_register(registry, folder, number, lineage) for number in (1, 2))
    _let_soak(registry, in_use)
    registry.promote(in_use, PRODUCTION)
    registry.operations.promotions.evaluate_candidates(TEMPLATE)
    if not registry.candidacies(waits):
        raise SystemExit(f"{waits} waits for nothing")
    owner_of(registry).transaction(_copying(models))


def _register(registry: Registry, folder: Path, number: int, lineage: LineageGraph) -> str:
    file = folder / "model.bin"
    file.write_text(f"weights {number}")
    metadata = DeclaredMetadata(
        flavor="generic",
        signature=_signature(),
        run_id=f"run-{number}",
        git_commit="0" * 40,
        git_dirty=False,
        description="one of many",
        owners=("ann@example.com",),
        metrics={"auc": 0.8},
    )
    new = NewVersion(metadata=metadata, lineage=lineage)
    reference = registry.register(TEMPLATE, file, new).version.reference
    registry.set_policy(TEMPLATE, policy())
    registry.run_check(reference, _CHECK)
    return reference


def _signature() -> Signature:
    return Signature(
        inputs=(Column(name="age", type=ColumnType.DOUBLE),),
        outputs=(Column(name="score", type=ColumnType.DOUBLE),),
    )


def _let_soak(registry: Registry, reference: str) -> None:
    """Backdate a version's candidate stage, so that its soak has ended."""
    version = registry.get(reference).version_id
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.tenure SET held_since = held_since - interval '2 days'"
            " WHERE version = %s",
            [version],
        )
    )


def _copying(models: int) -> Callable[[Transaction], None]:
    def copy(transaction: Transaction) -> None:
        for statement in _statements():
            transaction.execute(statement, {"models": models - 1, "template": TEMPLATE})

    return copy


def _statements() -> Sequence[str]:
    return [text for text in _COPIES.split(";\n") if text.strip()]

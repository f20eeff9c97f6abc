"""Records of a version with all fields, for cards."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from pedigree.cards.records import CardNotes, Prose
from pedigree.cards.render import render_card
from pedigree.catalog.metadata_fields import ApprovalStatus, RiskClass
from pedigree.catalog.records import DeclaredMetadata, ModelVersion, Training, TrainingOrigin
from pedigree.lifecycle.records import RecordedVerdict, Severity, Tenure
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.signatures.records import Column, ColumnType, Signature, Tensor

NOW = datetime(2013, 10, 1, 12, 30, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
OTHER_DIGEST = "sha256:" + "cd" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def declared(text: str = "words", **fields: Any) -> DeclaredMetadata:
    """Metadata in which each free text is ``text``."""
    values: dict[str, Any] = {
        "flavor": "sklearn",
        "signature": Signature(
            inputs=(
                Column(name=text, type=ColumnType.LONG),
                Column(name="plan", type=ColumnType.STRING, required=False),
            ),
            outputs=(Tensor(dtype="float64", shape=(-1, 2)),),
        ),
        "run_id": text,
        "git_commit": COMMIT,
        "git_dirty": True,
        "git_source": text,
        "code_version": text,
        "training_data_digest": DIGEST,
        "training_data_version": text,
        "validation_dataset_id": text,
        "metrics": {text: 0.925, "recall": 0.5},
        "params": {text: text, "depth": 3, "nested": {"a": [1, None, text]}},
        "environment_hash": DIGEST,
        "ci_build": text,
        "drift_monitor_id": text,
        "datasheet_uri": text,
        "description": text,
        "owners": (text, "team:growth"),
        "tags": {text: text},
        "risk_class": RiskClass.HIGH,
        "risk_assessment_id": text,
        **fields,
    }
    return DeclaredMetadata(**values)


def version(text: str = "words", **fields: Any) -> ModelVersion:
    """A version in production, approved, with a hold."""
    values: dict[str, Any] = {
        **{name: getattr(declared(text), name) for name in DeclaredMetadata.model_fields},
        "model_name": "customer_churn",
        "version_id": 3,
        "artifact_uri": f"pedigree://artifacts/{DIGEST}",
        "created_by": text,
        "created_at": NOW,
        "approval_status": ApprovalStatus.APPROVED,
        "approval_notes": text,
        "approved_by": text,
        "approval_timestamp": NOW,
        "digest": DIGEST,
        "created_by_source": text,
        "size": 2048,
        "stage": "production",
        "stage_since": NOW,
        "aliases": ("champion",),
        "quarantine_reason": text,
        "hold_reason": text,
        "generation": 7,
        "trainings": 2,
        **fields,
    }
    return ModelVersion(**values)


def training(text: str = "words", **fields: Any) -> Training:
    """The training of the version."""
    return Training(
        training_id="1",
        origin=TrainingOrigin(
            instance_id=text, job_name=text, step_key=text, asset=text, partition=text
        ),
        metadata=declared(text, **fields),
        created_by=text,
        created_by_source=text,
        created_at=NOW,
    )


def lineage(text: str = "words", months: int = 2) -> LineageGraph:
    """A training that read some months, with one declared input and one indirect input."""
    flights = [
        LineageNode(
            node_id=month,
            kind=NodeKind.MATERIALIZATION,
            asset="flights",
            partition=f"2013-{month:02}-01",
            storage_id=100 + month,
            run_id=text,
            data_version=f"v{month}",
            code_version=text,
            at=NOW,
        )
        for month in range(1, months + 1)
    ]
    declared_input = LineageNode(
        node_id=50, kind=NodeKind.EXTERNAL, asset=text, partition=text, data_version=text
    )
    raw = LineageNode(
        node_id=60, kind=NodeKind.OBSERVATION, asset=f"raw/{text}", storage_id=9, data_version=text
    )
    step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/customer_churn")
    return LineageGraph(
        nodes=(step, raw, declared_input, *reversed(flights)),
        edges=(
            *(
                LineageEdge(
                    consumer=0, source=node.node_id, capture=Capture.READ, certainty=Certainty.READ
                )
                for node in flights
            ),
            LineageEdge(
                consumer=0, source=50, capture=Capture.DECLARED, certainty=Certainty.POSSIBLE
            ),
            *(
                LineageEdge(
                    consumer=node.node_id,
                    source=60,
                    capture=Capture.PROVENANCE,
                    certainty=Certainty.PROVED,
                )
                for node in flights
            ),
        ),
        raced=True,
    )


def verdicts(text: str = "words") -> tuple[RecordedVerdict, ...]:
    """One check passed, one failed against a baseline, and one warned."""
    return tuple(
        RecordedVerdict(
            verdict_id=1,
            check=check,
            passed=passed,
            severity=severity,
            digest=DIGEST,
            baseline_digest=OTHER_DIGEST if relative else None,
            relative=relative,
            summary=text,
            run_id=text,
            at=NOW,
            recorded_by=text,
        )
        for check, passed, severity, relative in (
            (text, True, Severity.ERROR, False),
            ("no_regression", False, Severity.ERROR, True),
            ("metadata_complete", False, Severity.WARN, False),
        )
    )


def group_verdicts(text: str = "words") -> tuple[RecordedVerdict, ...]:
    """Two checks that judge groups: one passed, one failed because a number is missing."""
    found: dict[str, dict[str, JsonValue]] = {
        "slice_metrics": {"metric": "roc_auc", "slices": {text: {f"{text} & co": 0.75}}},
        "fairness": {"measured": {text: {"demographic_parity_ratio": None}}},
    }
    return tuple(
        RecordedVerdict(
            verdict_id=1,
            check=check,
            passed=check == "slice_metrics",
            severity=Severity.ERROR,
            digest=DIGEST,
            summary=text,
            details=details,
            settings={"slices": [text]},
            at=NOW,
            recorded_by=text,
        )
        for check, details in found.items()
    )


def timeline(text: str = "words") -> tuple[Tenure, ...]:
    """Two tenures of the version, and one of its predecessor."""
    day = timedelta(days=1)
    return (
        Tenure(
            tenure_id=1,
            pointer="stage:production",
            version_id=2,
            since=NOW - 9 * day,
            until=NOW,
            moved_by="predecessor",
            reason="predecessor",
        ),
        Tenure(
            tenure_id=2,
            pointer="stage:staging",
            version_id=3,
            since=NOW - day,
            until=NOW,
            moved_by=text,
            reason=text,
        ),
        Tenure(
            tenure_id=3,
            pointer=f"alias:{text}",
            version_id=3,
            since=NOW,
            until=None,
            moved_by=text,
            reason=None,
        ),
    )


def notes(text: str = "words") -> CardNotes:
    """Notes in which every field is given; what may be a list or a text is either, in turn."""
    values: dict[str, Any] = {}
    for place, (name, field) in enumerate(CardNotes.model_fields.items()):
        lists = field.annotation == Prose and place % 2
        values[name] = (text, f"again {text}") if lists else text
    return CardNotes(**{**values, "languages": (text,)})


def card(
    text: str = "words", human: CardNotes | None = None, also: Sequence[RecordedVerdict] = ()
) -> str:
    """The card with all of these records."""
    return render_card(
        version(text),
        training(text),
        lineage(text),
        (*verdicts(text), *also),
        timeline(text),
        notes(text) if human is None else human,
        packages=(f"numpy=={text}", "pandas==3"),
    )

"""What the registry knows around a version, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pedigree._record import RecordPage
from pedigree.artifacts.records import Manifest, ManifestFile, digest_of
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.snippets import Snippets
from pedigree.lifecycle.decision_records import Explanation, Gate, StageRequest
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import Tenure
from pedigree.lineage.records import LineageGraph
from pedigree.registry.version_page_records import Approach, VersionPage
from tests.factories import COMMIT, SIGNATURE

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MANIFEST = Manifest(
    flavor="generic",
    signature=SIGNATURE,
    files=(ManifestFile(path="model.bin", size=7, digest=digest_of(b"weights")),),
)


def ago(**length: float) -> datetime:
    """The time before :data:`NOW`."""
    return NOW - timedelta(**length)


def version(number: int = 3, **fields: Any) -> ModelVersion:
    """A version of ``churn``."""
    known = {
        "model_name": "churn",
        "version_id": number,
        "flavor": "generic",
        "signature": SIGNATURE,
        "run_id": "run-1",
        "git_commit": COMMIT,
        "git_dirty": False,
        "git_source": "worktree",
        "artifact_uri": "pedigree://artifacts/sha256:0",
        "created_by": "ann",
        "created_at": ago(days=20),
        "digest": MANIFEST.digest,
        "created_by_source": "token",
        "size": 7,
        "generation": 4,
        "trainings": 1,
    }
    return ModelVersion(**{**known, **fields})


def request(stage: str, **fields: Any) -> StageRequest:
    """An open request for a stage."""
    known = {
        "request_id": 7,
        "model_name": "churn",
        "version_id": 3,
        "digest": MANIFEST.digest,
        "from_stage": "staging",
        "stage": stage,
        "reason": "better in spring",
        "only_asks": True,
        "requested_by": "ann",
        "at": ago(hours=2),
        "outcome": None,
        "closed_at": None,
        "closed_by": None,
        "waits_for": (),
        "next_evaluation_at": None,
    }
    return StageRequest(**{**known, **fields})


def approach(stage: str, *gates: tuple[str, bool], **fields: Any) -> Approach:
    """A stage with its gates, each by its name and whether it is passed."""
    explanation = Explanation(
        reference="churn/3",
        stage=stage,
        generation=4,
        run_id="run-1",
        gates=tuple(Gate(name=name, passed=ok, reason=f"about {name}") for name, ok in gates),
    )
    known = {"requests": (), "approvals_given": 0, "approvals_needed": 0}
    return Approach(explanation, **{**known, **fields})


def tenure(pointer: str, **fields: Any) -> Tenure:
    """A tenure that has ended."""
    known = {
        "tenure_id": 1,
        "pointer": pointer,
        "version_id": 3,
        "since": ago(days=9),
        "until": ago(days=8),
        "moved_by": "bob",
        "reason": None,
    }
    return Tenure(**{**known, **fields})


def page(**fields: Any) -> VersionPage:
    """A version of which nothing else is known."""
    shown = fields.pop("version", None) or version()
    known = {
        "version": shown,
        "policy": default_policy(),
        "champion": None,
        "approaches": (),
        "tenures": RecordPage(()),
        "decisions": RecordPage(()),
        "overrides": RecordPage(()),
        "verdicts": RecordPage(()),
        "lineage": LineageGraph(),
        "usages": RecordPage(()),
        "staleness": None,
        "card": None,
        "evaluation": None,
        "manifest": MANIFEST,
        "trainings": RecordPage(()),
        "packages": (),
        "snippets": Snippets(reference=shown.reference, digest=shown.digest, snippets=()),
    }
    return VersionPage(**{**known, **fields})

"""All that is shown of one version, as it was read together."""

from datetime import datetime
from typing import NamedTuple

from pedigree._record import RecordPage
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.cards.records import ModelCard
from pedigree.catalog.records import ModelVersion, Training
from pedigree.catalog.snippets import Snippets
from pedigree.evaluation.records import KeptEvaluation
from pedigree.lifecycle.decision_records import Decision, Explanation, StageOverride, StageRequest
from pedigree.lifecycle.records import Policy, RecordedVerdict, Tenure
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.staleness import Staleness
from pedigree.lineage.usages import Usage


class Approach(NamedTuple):
    """How far a version is on its way into a stage.

    Attributes:
        explanation: Each gate of the stage.
        requests: The open requests for it.
        approvals_given: How many approvals are valid now.
        approvals_needed: How many the stage requires of this version.
    """

    explanation: Explanation
    requests: tuple[StageRequest, ...]
    approvals_given: int
    approvals_needed: int


class VersionPage(NamedTuple):
    """A version, and what the registry knows around it; each sequence has at most SHOWN records.

    Attributes:
        version: The version.
        policy: The policy of its model.
        champion: The version in production; None if there is none.
        approaches: The stages that are asked for it, else the one that it can enter next.
        tenures: The stages and aliases that it held, the oldest first.
        decisions: The approvals and rejections, the oldest first.
        overrides: The overrides, the oldest first.
        verdicts: The newest verdict of each check.
        lineage: What its first training used.
        usages: What was written with it, the newest first.
        staleness: How stale it was when the asset graph was last read; None if it never was.
        card: The newest card that is kept; None before the first one.
        evaluation: Its results by group; None without.
        manifest: Its files; None if the registry does not have its bytes.
        trainings: The runs that produced its bytes, the oldest first.
        packages: The packages that it was trained with; empty if they are not known.
        snippets: Code that loads and serves it; None if the registry does not have its bytes.
    """

    version: ModelVersion
    policy: Policy
    champion: ModelVersion | None
    approaches: tuple[Approach, ...]
    tenures: RecordPage[Tenure]
    decisions: RecordPage[Decision]
    overrides: RecordPage[StageOverride]
    verdicts: RecordPage[RecordedVerdict]
    lineage: LineageGraph
    usages: RecordPage[Usage]
    staleness: Staleness | None
    card: ModelCard | None
    evaluation: KeptEvaluation | None
    manifest: Manifest | None
    trainings: RecordPage[Training]
    packages: tuple[str, ...]
    snippets: Snippets | None

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """Its files; none if the registry does not have its bytes."""
        return self.manifest.files if self.manifest else ()


class GoneVersion(NamedTuple):
    """A version that was deleted.

    Attributes:
        reference: Its name and number.
        deleted_at: When it was deleted.
        collected_at: When its bytes were collected, so that it cannot be restored.
    """

    reference: str
    deleted_at: datetime
    collected_at: datetime | None

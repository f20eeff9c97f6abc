"""The groups of operations of a registry, one a subject; a verb names its group."""

from typing import TypeVar

from pedigree.contract._entrance import typed_error
from pedigree.contract.access import AccessContract
from pedigree.contract.aliases import AliasContract
from pedigree.contract.approvals import ApprovalContract
from pedigree.contract.artifacts import ArtifactContract
from pedigree.contract.cards import CardContract
from pedigree.contract.checks import CheckContract
from pedigree.contract.datasets import DatasetContract
from pedigree.contract.evaluations import EvaluationContract
from pedigree.contract.events import EventContract
from pedigree.contract.fsck import FsckContract
from pedigree.contract.gc import GcContract
from pedigree.contract.lineage import LineageContract
from pedigree.contract.models import ModelContract
from pedigree.contract.monitoring import MonitoringContract
from pedigree.contract.people import PeopleContract
from pedigree.contract.policies import PolicyContract
from pedigree.contract.promotions import PromotionContract
from pedigree.contract.quarantine import QuarantineContract
from pedigree.contract.registration import RegistrationContract
from pedigree.contract.retention import RetentionContract
from pedigree.contract.sealing import SealingContract
from pedigree.contract.search import SearchContract
from pedigree.contract.stage_requests import StageRequestContract
from pedigree.contract.stages import StageContract
from pedigree.contract.staleness import StalenessContract
from pedigree.contract.statistics import StatisticsContract
from pedigree.contract.tags import TagContract
from pedigree.contract.tokens import TokenContract
from pedigree.contract.uploads import UploadContract
from pedigree.contract.versions import VersionContract
from pedigree.contract.webhooks import WebhookContract
from pedigree.errors import PedigreeError

T = TypeVar("T")


class Operations:
    """The groups of operations of a registry, one a subject."""

    models: ModelContract
    versions: VersionContract
    registration: RegistrationContract
    uploads: UploadContract
    artifacts: ArtifactContract
    stages: StageContract
    aliases: AliasContract
    tags: TagContract
    stage_requests: StageRequestContract
    approvals: ApprovalContract
    promotions: PromotionContract
    policies: PolicyContract
    checks: CheckContract
    cards: CardContract
    datasets: DatasetContract
    evaluations: EvaluationContract
    monitoring: MonitoringContract
    lineage: LineageContract
    staleness: StalenessContract
    quarantine: QuarantineContract
    retention: RetentionContract
    sealing: SealingContract
    search: SearchContract
    events: EventContract
    statistics: StatisticsContract
    tokens: TokenContract
    access: AccessContract
    people: PeopleContract
    webhooks: WebhookContract
    gc: GcContract
    fsck: FsckContract

    def typed_error(self, error: Exception) -> PedigreeError | None:
        """Return the typed error of an exception that left an operation; None for a defect."""
        return typed_error(error)

    def with_names(self, result: T) -> T:
        """Return a result as its caller gets it: a service has put the names in it already."""
        return result

    def name_people(self, error: PedigreeError) -> None:
        """Leave an error as it is, for the same reason."""

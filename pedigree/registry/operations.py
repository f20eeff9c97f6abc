"""The groups of operations of a registry in this process, and their collaborators."""

from typing import TypeVar

from pedigree.access.named_records import name_people, with_names
from pedigree.contract.groups import Operations
from pedigree.errors import PedigreeError
from pedigree.postgres._failures import statement_error
from pedigree.registry.access import AccessOperations
from pedigree.registry.activity import ActivityOperations
from pedigree.registry.aliases import AliasOperations
from pedigree.registry.approvals import ApprovalOperations
from pedigree.registry.artifact_places import ArtifactPlaceOperations
from pedigree.registry.artifacts import ArtifactOperations
from pedigree.registry.asset_events import AssetEventOperations
from pedigree.registry.attestations import AttestationOperations
from pedigree.registry.audit import AuditOperations
from pedigree.registry.awaited_checks import AwaitedCheckOperations
from pedigree.registry.cards import CardOperations
from pedigree.registry.check_runs import CheckRunOperations
from pedigree.registry.checks import CheckOperations
from pedigree.registry.context import Context
from pedigree.registry.datasets import DatasetOperations
from pedigree.registry.evaluations import EvaluationOperations
from pedigree.registry.events import EventOperations
from pedigree.registry.evidence import RegistryEvidence
from pedigree.registry.fsck import FsckOperations
from pedigree.registry.gc import GcOperations
from pedigree.registry.impact_pages import ImpactPageOperations
from pedigree.registry.lineage import LineageOperations
from pedigree.registry.mlflow_search import MlflowSearchOperations
from pedigree.registry.mlflow_stages import MlflowStageOperations
from pedigree.registry.mlflow_webhooks import MlflowWebhookOperations
from pedigree.registry.model_pages import ModelPageOperations
from pedigree.registry.models import ModelOperations
from pedigree.registry.monitoring import MonitoringOperations
from pedigree.registry.pending_checks import PendingCheckOperations
from pedigree.registry.people import PeopleOperations
from pedigree.registry.pointers import PointerOperations
from pedigree.registry.policies import PolicyOperations
from pedigree.registry.promotions import PromotionOperations
from pedigree.registry.provisioning import ProvisioningOperations
from pedigree.registry.quarantine import QuarantineOperations
from pedigree.registry.registration import RegistrationOperations
from pedigree.registry.registration_gates import RegistrationGateOperations
from pedigree.registry.retention import RetentionOperations
from pedigree.registry.sealing import SealingOperations
from pedigree.registry.search import SearchOperations
from pedigree.registry.sessions import SessionOperations
from pedigree.registry.source_sealing import SourceSealing
from pedigree.registry.source_versions import SourceVersions
from pedigree.registry.sources import SourceOperations
from pedigree.registry.stage_requests import StageRequestOperations
from pedigree.registry.stages import StageOperations
from pedigree.registry.staleness import StalenessOperations
from pedigree.registry.statistics import StatisticsOperations
from pedigree.registry.tags import TagOperations
from pedigree.registry.tokens import TokenOperations
from pedigree.registry.upload_areas import UploadAreaOperations
from pedigree.registry.uploaded_versions import UploadedVersions
from pedigree.registry.uploads import UploadOperations
from pedigree.registry.usages import UsageOperations
from pedigree.registry.version_creator import VersionCreator
from pedigree.registry.version_pages import VersionPageOperations
from pedigree.registry.versions import VersionOperations
from pedigree.registry.webhooks import WebhookOperations

T = TypeVar("T")


class RegistryOperations(Operations):
    """The operations on one context, one group for each subject; some have no REST route.

    Args:
        context: The database, the store and the principal.
    """

    # These do more than their contracts, for callers in this process.
    models: ModelOperations
    versions: VersionOperations
    approvals: ApprovalOperations
    policies: PolicyOperations
    stages: StageOperations
    uploads: UploadOperations
    quarantine: QuarantineOperations
    stage_requests: StageRequestOperations
    promotions: PromotionOperations
    registration: RegistrationOperations
    retention: RetentionOperations
    sealing: SealingOperations
    checks: CheckOperations
    monitoring: MonitoringOperations
    search: SearchOperations
    events: EventOperations
    datasets: DatasetOperations
    staleness: StalenessOperations
    tokens: TokenOperations
    access: AccessOperations
    people: PeopleOperations
    webhooks: WebhookOperations
    fsck: FsckOperations

    def __init__(self, context: Context) -> None:
        self._context = context
        self._compose_subjects(context)
        self._compose_registration(context, RegistryEvidence(context))
        self._compose_service(context)

    def _compose_subjects(self, context: Context) -> None:
        """Make the groups of what models have."""
        self.models = ModelOperations(context)
        self.versions = VersionOperations(context)
        self.impact_pages = ImpactPageOperations(context)
        self.model_pages = ModelPageOperations(context)
        self.version_pages = VersionPageOperations(context)
        self.activity = ActivityOperations(context)
        self.artifacts = ArtifactOperations(context, self.versions)
        self.aliases = AliasOperations(context)
        self.tags = TagOperations(context)
        self.policies = PolicyOperations(context)
        self.cards = CardOperations(context)
        self.stage_requests = StageRequestOperations(context)
        self.stages = StageOperations(context)
        self.pointers = PointerOperations(context)
        self.mlflow_stages = MlflowStageOperations(context, self.policies)
        self.approvals = ApprovalOperations(context, self.stage_requests)
        self.promotions = PromotionOperations(context)
        self.datasets = DatasetOperations(context)
        self.evaluations = EvaluationOperations(context)
        self.lineage = LineageOperations(context, self.versions)
        self.staleness = StalenessOperations(context)
        self.usages = UsageOperations(context)
        self.asset_events = AssetEventOperations(context)
        self.monitoring = MonitoringOperations(context, self.versions, self.policies)

    def _compose_registration(self, context: Context, evidence: RegistryEvidence) -> None:
        """Make the groups that bring in bytes and judge them."""
        self.checks = CheckOperations(
            context,
            versions=self.versions,
            policies=self.policies,
            cards=self.cards,
            stage_requests=self.stage_requests,
            evidence=evidence,
        )
        self.registration_gates = RegistrationGateOperations(context, evidence)
        self.check_runs = CheckRunOperations(context)
        self.pending_checks = PendingCheckOperations(context, self.versions, self.checks)
        self.uploads = UploadOperations(context)
        self.upload_areas = UploadAreaOperations(context)
        self.artifact_places = ArtifactPlaceOperations(context)
        self.creator = VersionCreator(context, self.pending_checks, evidence)
        self.registration = RegistrationOperations(context, self.uploads, self.creator)
        versions = SourceVersions(
            context,
            models=self.models,
            versions=self.versions,
            artifacts=self.artifacts,
            stages=self.stages,
            policies=self.policies,
            lineage=self.lineage,
            gates=self.registration_gates,
        )
        self.sealing = SealingOperations(
            context,
            self.uploads,
            self.creator,
            self.pending_checks,
            SourceSealing(context, versions, self.artifacts),
        )
        self.sources = SourceOperations(
            context, self.sealing, versions, UploadedVersions(context, self.registration_gates)
        )
        self.awaited_checks = AwaitedCheckOperations(context)

    def _compose_service(self, context: Context) -> None:
        """Make the groups of what surrounds models: search, events, people, upkeep."""
        self.quarantine = QuarantineOperations(context, self.versions)
        self.retention = RetentionOperations(context)
        self.search = SearchOperations(context)
        self.mlflow_search = MlflowSearchOperations(context)
        self.events = EventOperations(context)
        self.statistics = StatisticsOperations(context)
        self.tokens = TokenOperations(context)
        self.access = AccessOperations(context)
        self.people = PeopleOperations(context)
        self.sessions = SessionOperations(context)
        self.provisioning = ProvisioningOperations(context)
        self.webhooks = WebhookOperations(context)
        self.mlflow_webhooks = MlflowWebhookOperations(context)
        self.gc = GcOperations(context)
        self.fsck = FsckOperations(context)
        self.audit = AuditOperations(context)
        self.attestations = AttestationOperations(context)

    def typed_error(self, error: Exception) -> PedigreeError | None:
        """Return the typed error of an exception, also of a statement; None for a defect."""
        return statement_error(error) or super().typed_error(error)

    def with_names(self, result: T) -> T:
        """Return a result with names instead of pseudonyms, unless its caller puts them there."""
        return with_names(result, self._context.names) if self._context.shows_names else result

    def name_people(self, error: PedigreeError) -> None:
        """Put names instead of pseudonyms in an error, unless its caller does."""
        if self._context.shows_names:
            name_people(error, self._context.names)

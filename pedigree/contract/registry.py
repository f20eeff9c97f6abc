"""The public interface of every registry: its verbs, by subject."""

from types import TracebackType
from typing import Protocol, Self

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
from pedigree.settings import Settings


class RegistryContract(
    ModelContract,
    VersionContract,
    RegistrationContract,
    UploadContract,
    ArtifactContract,
    StageContract,
    AliasContract,
    TagContract,
    StageRequestContract,
    ApprovalContract,
    PromotionContract,
    PolicyContract,
    CheckContract,
    CardContract,
    DatasetContract,
    EvaluationContract,
    MonitoringContract,
    LineageContract,
    StalenessContract,
    QuarantineContract,
    RetentionContract,
    SealingContract,
    SearchContract,
    EventContract,
    StatisticsContract,
    TokenContract,
    AccessContract,
    PeopleContract,
    WebhookContract,
    GcContract,
    FsckContract,
    Protocol,
):
    """A model registry, in this process or over a service: the same verbs, records and errors.

    Threads may share it; after a fork, the child's first use opens its own connections.
    """

    settings: Settings
    """The settings of this process."""

    def close(self) -> None:
        """Close the connections, and release this registry's files in the cache."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

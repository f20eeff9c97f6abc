"""The registry of a service: its verbs over HTTP."""

from pedigree.client._connection import Connection
from pedigree.client.access import RemoteAccess
from pedigree.client.aliases import RemoteAliases
from pedigree.client.approvals import RemoteApprovals
from pedigree.client.artifacts import RemoteArtifacts
from pedigree.client.cards import RemoteCards
from pedigree.client.checks import RemoteChecks
from pedigree.client.datasets import RemoteDatasets
from pedigree.client.evaluations import RemoteEvaluations
from pedigree.client.events import RemoteEvents
from pedigree.client.fsck import RemoteFsck
from pedigree.client.gc import RemoteGc
from pedigree.client.lineage import RemoteLineage
from pedigree.client.models import RemoteModels
from pedigree.client.monitoring import RemoteMonitoring
from pedigree.client.people import RemotePeople
from pedigree.client.policies import RemotePolicies
from pedigree.client.promotions import RemotePromotions
from pedigree.client.quarantine import RemoteQuarantine
from pedigree.client.registration import RemoteRegistration
from pedigree.client.retention import RemoteRetention
from pedigree.client.sealing import RemoteSealing
from pedigree.client.search import RemoteSearch
from pedigree.client.service import Service
from pedigree.client.stage_requests import RemoteStageRequests
from pedigree.client.stages import RemoteStages
from pedigree.client.staleness import RemoteStaleness
from pedigree.client.statistics import RemoteStatistics
from pedigree.client.tags import RemoteTags
from pedigree.client.tokens import RemoteTokens
from pedigree.client.uploads import RemoteUploads
from pedigree.client.versions import RemoteVersions
from pedigree.client.webhooks import RemoteWebhooks
from pedigree.contract.groups import Operations
from pedigree.contract.verbs import RegistryVerbs
from pedigree.settings import Settings


class RemoteOperations(Operations):
    """The operations of a service, one group for each subject."""

    def __init__(self, service: Service) -> None:
        self.models = RemoteModels(service)
        self.versions = RemoteVersions(service)
        self.uploads = RemoteUploads(service)
        self.registration = RemoteRegistration(service, self.uploads)
        self.artifacts = RemoteArtifacts(service, self.versions)
        self.stages = RemoteStages(service)
        self.aliases = RemoteAliases(service)
        self.tags = RemoteTags(service)
        self.stage_requests = RemoteStageRequests(service)
        self.approvals = RemoteApprovals(service)
        self.promotions = RemotePromotions(service)
        self.policies = RemotePolicies(service)
        self.checks = RemoteChecks(service)
        self.cards = RemoteCards(service)
        self.datasets = RemoteDatasets(service)
        self.evaluations = RemoteEvaluations(service)
        self.monitoring = RemoteMonitoring(service)
        self.lineage = RemoteLineage(service, self.versions)
        self.staleness = RemoteStaleness(service)
        self.quarantine = RemoteQuarantine(service)
        self.retention = RemoteRetention(service)
        self.sealing = RemoteSealing(service, self.uploads)
        self.search = RemoteSearch(service)
        self.events = RemoteEvents(service)
        self.statistics = RemoteStatistics(service)
        self.tokens = RemoteTokens(service)
        self.access = RemoteAccess(service)
        self.people = RemotePeople(service)
        self.webhooks = RemoteWebhooks(service)
        self.gc = RemoteGc(service)
        self.fsck = RemoteFsck(service)


class ServiceRegistry(RegistryVerbs):
    """A model registry that a service provides; create it with :func:`pedigree.connect`.

    Its verbs are those of :class:`pedigree.Registry`, with the same records and errors. The token's
    principal is the actor. Threads may share it; after a fork, the child's first use opens its own
    connections.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.settings = settings
        connection.remember_log(settings.home_folder / "logs")
        self._service = Service(connection, settings)
        self.operations = RemoteOperations(self._service)

    def close(self) -> None:
        """Close the connections, and release this registry's files in the cache."""
        self._service.close()

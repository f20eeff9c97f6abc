"""The verbs of ``Registry``, over HTTP."""

from collections.abc import Callable
from typing import NoReturn

from pedigree.client.admin import OperatingOperations
from pedigree.client.artifacts import ArtifactOperations
from pedigree.client.checks import JudgingOperations
from pedigree.client.lineage import LineageOperations
from pedigree.client.models import ModelOperations
from pedigree.client.monitoring import MonitoringOperations
from pedigree.client.retention import KeepingOperations
from pedigree.client.stages import StageOperations
from pedigree.client.webhooks import DeliveryOperations
from pedigree.errors import NotServedError

# What is the service's own work, or for a run of the asset graph that it belongs to.
NOT_SERVED = frozenset(
    {
        *("acting_as", "actor", "connect", "together"),
        *("has_tokens", "token_of"),
        *("fetch_uploaded", "keep_content", "keep_file", "wanted_file"),
        *("keep_asset_events", "kept_asset_events"),
        *("end_awaiting", "keep_staleness", "see_instance"),
        *("stale_holders", "versions_to_look_at"),
        *("record_usage", "settle_usages", "unsettled_usages"),
        *("names_to_evaluate", "renew_verdicts", "evaluate_candidates"),
        *("judge_newcomers", "names_with_requests", "perform_requests"),
        *("give_up_promotion", "record_check_run"),
        *("deliver", "drift_report", "feed_sinks"),
    }
)


class ServiceRegistry(
    ArtifactOperations,
    LineageOperations,
    StageOperations,
    JudgingOperations,
    MonitoringOperations,
    KeepingOperations,
    ModelOperations,
    DeliveryOperations,
    OperatingOperations,
):
    """A model registry behind a service; made by :func:`pedigree.connect`.

    Its verbs are those of :class:`pedigree.Registry`, with the same records and errors. It may be
    shared between threads; after a fork the child's first use opens connections of its own.
    """

    def __getattr__(self, verb: str) -> Callable[..., NoReturn]:
        if verb not in NOT_SERVED:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {verb!r}")

        def refuse(*_: object, **__: object) -> NoReturn:
            raise NotServedError(
                "the service does not do this for others",
                field=verb,
                remedy="Connect to the registry's database instead (PEDIGREE_DATABASE_URL)",
            )

        return refuse

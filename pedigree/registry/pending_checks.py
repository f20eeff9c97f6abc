"""New versions that the registry itself judges, and those that were left unjudged by a crash."""

import logging

from pedigree.catalog.records import ModelVersion
from pedigree.contract.versions import VersionContract
from pedigree.errors import PedigreeError
from pedigree.lifecycle import check_queue
from pedigree.registry.checks import CheckOperations
from pedigree.registry.context import Context

_LOG = logging.getLogger(__name__)


class PendingCheckOperations:
    """New versions that the registry itself judges, also those that a crash left unjudged."""

    def __init__(
        self, context: Context, versions: VersionContract, checks: CheckOperations
    ) -> None:
        self._context = context
        self._versions = versions
        self._checks = checks

    def judge_newcomers(self, *, limit: int = 1) -> tuple[str, ...]:
        """Judge versions whose registration was to be followed by that, and was not.

        The process that registered them was killed in between, or could not run a check. What fails
        is tried again later, at longer and longer intervals.

        Args:
            limit: How many at most.

        Returns:
            Those that were judged.
        """
        judged: list[str] = []
        for _ in range(limit):
            found = self._context.database.transaction(check_queue.take_unjudged)
            if found is None:
                break
            reference = f"{found.name}/{found.version}"
            if self.judge_new(reference):
                judged.append(reference)
        return tuple(judged)

    def judge_new(self, reference: str, version: ModelVersion | None = None) -> bool:
        """Judge a version that is noted as unjudged, unless it cannot be; given, if just read."""
        try:
            self._checks.judge_version(version or self._versions.get(reference), is_noted=True)
        except PedigreeError as error:  # the version is there, and waits for its checks
            _LOG.warning(
                "%s was registered and not judged: %s",
                reference,
                error,
                extra={"action": "version.judge", "reference": reference},
            )
            return False
        return True

"""Pending checks: new versions that the registry judges, and those left unjudged by a crash."""

import logging

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.contract.versions import VersionContract
from pedigree.errors import PedigreeError, UnavailableError
from pedigree.failures.member_loop import MemberLoop, describe
from pedigree.failures.records import BackgroundWork
from pedigree.lifecycle import check_queue
from pedigree.registry.checks import CheckOperations
from pedigree.registry.context import Context

_LOG = logging.getLogger(__name__)

_WORK = BackgroundWork.CHECKS


class PendingCheckOperations:
    """Judges new versions, and versions that a crash left unjudged."""

    def __init__(
        self, context: Context, versions: VersionContract, checks: CheckOperations
    ) -> None:
        self._context = context
        self._versions = versions
        self._checks = checks

    def judge_newcomers(self, *, limit: int = 1) -> tuple[str, ...]:
        """Judge versions that were registered but not judged.

        The process that registered them was killed in between, or could not run a check. A failure
        is retried later, at increasing intervals.

        Args:
            limit: How many at most.

        Returns:
            The references of the judged versions.
        """
        judged: list[str] = []
        for _ in range(limit):
            found = check_queue.take_unjudged(self._context.database)
            if found is None:
                break
            reference = f"{found.name}/{found.version}"
            if self.judge_new(reference):
                MemberLoop(self._context.database, _WORK).recover(reference)
                judged.append(reference)
        return tuple(judged)

    def judge_new(self, reference: str, version: ModelVersion | None = None) -> bool:
        """Judge a version that is noted as unjudged; return False if a check cannot run.

        Args:
            reference: The version's reference.
            version: The version, if the caller has just read it.
        """
        try:
            self._checks.judge_version(version or self._versions.get(reference), is_noted=True)
        except UnavailableError as error:
            _warn(reference, error)
            return False
        except Exception as error:  # the version is registered, and waits for its checks
            _warn(reference, error)
            loop = MemberLoop(self._context.database, _WORK)
            model = parse_reference(reference).name
            loop.fail(reference, describe(error), model=model)
            return False
        return True


def _warn(reference: str, error: Exception) -> None:
    _LOG.warning(
        "%s was registered but not judged: %s",
        reference,
        describe(error),
        exc_info=None if isinstance(error, PedigreeError) else error,
        extra={"action": "version.judge", "reference": reference},
    )

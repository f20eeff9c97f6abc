"""What witnesses and authorities of time stamps state about the audit log."""

from collections.abc import Iterable

from pedigree.access.records import Permission
from pedigree.audit import attested
from pedigree.audit.anchors import Anchors
from pedigree.audit.attesters import AUTHORITIES, URLS, WITNESSES, trust_of
from pedigree.audit.log_records import AttestedLog, LogAttestations
from pedigree.errors import InvalidInputError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry.context import ContextGroup
from pedigree.registry.log_attesting import LogAttesting, PeriodicAttester


class AttestationOperations(ContextGroup):
    """What witnesses and authorities of time stamps state about the audit log."""

    def log_attestations(self) -> LogAttestations:
        """Return who attests the log, and how far.

        Raises:
            NotPermittedError: The principal may not read the audit log.
            InvalidInputError: A file of the settings cannot be used.
        """
        self._context.require(Permission.AUDIT)
        settings = self._context.settings
        policy = trust_of(settings).policy
        return self._context.database.read(
            lambda transaction: attested.attestations(
                transaction, policy, settings.audit_timestamp_urls
            )
        )

    def cosign_log(self) -> tuple[AttestedLog, ...]:
        """Anchor the newest checkpoint, and let all witnesses cosign it now.

        Raises:
            NotPermittedError: The principal may not operate the registry.
            InvalidInputError: No witness is configured, or a file of the settings cannot be used.
            StoreUnavailableError: The store does not answer.
        """
        attesting = self._attesting()
        return self._attested(attesting.witnesses, f"{WITNESSES} names no witness with a URL")

    def timestamp_log(self) -> tuple[AttestedLog, ...]:
        """Anchor the newest checkpoint, and let all authorities stamp its time now.

        Raises:
            NotPermittedError: The principal may not operate the registry.
            InvalidInputError: No authority is configured, or a file of the settings cannot be used.
            StoreUnavailableError: The store does not answer.
        """
        attesting = self._attesting()
        return self._attested(attesting.authorities, f"{URLS} and {AUTHORITIES} are not set")

    def _attesting(self) -> LogAttesting:
        self._context.require(Permission.OPERATE)
        context = self._context
        database = in_role(context.database, DatabaseRole.SEALER)
        return LogAttesting(database, context.store, context.settings)

    def _attested(
        self, attesters: Iterable[PeriodicAttester], missing: str
    ) -> tuple[AttestedLog, ...]:
        asked = [each.attester for each in attesters]
        if not asked:
            raise InvalidInputError(missing, remedy="See docs/audit.md")
        Anchors(self._context.database, self._context.store).anchor()
        loop = MemberLoop(self._context.database, BackgroundWork.ATTESTING, pauses=False)
        sizes = {each.member: loop.attempt(each.member, each.attest).value or 0 for each in asked}
        problems = {failed.member: failed.problem for failed in loop.failed}
        return tuple(
            AttestedLog(
                name=each.member, size=sizes[each.member], problem=problems.get(each.member)
            )
            for each in asked
        )

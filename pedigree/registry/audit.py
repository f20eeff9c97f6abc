"""The sealed audit log: its checkpoints and its keys."""

from datetime import timedelta

from pedigree.access.records import Permission
from pedigree.audit import key_history, log, sealer
from pedigree.audit.log_keys import IN_DATABASE, SETTING
from pedigree.audit.log_records import KnownLogKey, LogCheckpoint
from pedigree.delivery.signing import SecretBox
from pedigree.errors import LogKeyError
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class AuditOperations(ContextGroup):
    """The sealed audit log: its checkpoints and its keys."""

    def log_checkpoint(self) -> LogCheckpoint | None:
        """Return the newest checkpoint; None if nothing is sealed yet.

        Raises:
            NotPermittedError: The principal may not operate the registry.
        """
        self._context.require(Permission.OPERATE)
        return self._context.database.read(sealer.checkpoint_over)

    def log_head(self) -> int:
        """Return the number of events that have a place in the feed, sealed or not.

        Raises:
            NotPermittedError: The principal may not operate the registry.
        """
        self._context.require(Permission.OPERATE)
        return log.feed_head(self._context.database)

    def log_keys(self) -> tuple[KnownLogKey, ...]:
        """Return all keys that sign or signed the log, the newest first.

        Raises:
            NotPermittedError: The principal may not operate the registry.
        """
        self._context.require(Permission.OPERATE)
        return self._context.database.read(key_history.known_keys)

    def rotate_log_key(self, *, overlap: timedelta) -> str:
        """Replace the key that the database keeps; the old one signs beside it for a while.

        Args:
            overlap: How long.

        Returns:
            The new public key.

        Raises:
            NotPermittedError: The principal may not configure the registry.
            LogKeyError: The keys of this registry are not in the database.
            SecretKeyError: ``PEDIGREE_SECRET_KEY`` is not valid.
        """
        self._context.require(Permission.CONFIGURE)
        settings, actor = self._context.settings, self._context.actor()
        if settings.audit_key != IN_DATABASE:
            raise LogKeyError(
                "the database does not keep the key",
                field=SETTING,
                value=settings.audit_key or "nothing",
                remedy="Put the new key before the old one in the key file, and remove the old one"
                " later",
            )
        secrets = SecretBox(settings)

        def rotate(transaction: Transaction) -> str:
            return str(key_history.rotate(transaction, secrets, actor, overlap=overlap))

        return self._context.database.transaction(rotate)

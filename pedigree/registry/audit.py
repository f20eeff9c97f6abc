"""The sealed audit log: its checkpoints and its keys."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from pedigree.access.records import Permission
from pedigree.artifacts.object_lock import ObjectLock, object_lock
from pedigree.audit import export, key_history, log, proofs, sealer, tiles
from pedigree.audit.anchors import Anchors
from pedigree.audit.attested import cosigned_over
from pedigree.audit.attesters import trust_of
from pedigree.audit.export import ExportedLog
from pedigree.audit.key_history import read_keys
from pedigree.audit.log_keys import IN_DATABASE, SETTING
from pedigree.audit.log_records import (
    KnownLogKey,
    LogAnchor,
    LogCheckpoint,
    LogConsistency,
    LogProof,
)
from pedigree.audit.verifier.report import LogReport
from pedigree.delivery.signing import SecretBox
from pedigree.errors import LogKeyError, NotFoundError
from pedigree.maintenance.exported_tables import TABLES
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup
from pedigree.registry.reads import note_log_exported


class AuditOperations(ContextGroup):
    """The sealed audit log: its checkpoints and its keys."""

    def log_checkpoint(self) -> LogCheckpoint | None:
        """Return the newest checkpoint; None if nothing is sealed yet.

        Raises:
            NotPermittedError: The principal may not read.
        """
        self._context.require_some(Permission.READ)
        return self._context.database.read(sealer.checkpoint_over)

    def cosigned_checkpoint(self) -> LogCheckpoint:
        """Return the newest checkpoint with enough cosignatures.

        Raises:
            NotPermittedError: The principal may not read.
            InvalidInputError: A file of the settings cannot be used.
            NotFoundError: No checkpoint has enough.
        """
        self._context.require_some(Permission.READ)
        policy = trust_of(self._context.settings).policy
        checkpoint = self._context.database.read(
            lambda transaction: cosigned_over(transaction, policy)
        )
        if checkpoint is None:
            raise NotFoundError(
                "no checkpoint has enough cosignatures",
                remedy="`pedigree audit status` shows the witnesses",
            )
        return checkpoint

    def newest_checkpoint(self) -> LogCheckpoint:
        """Return the newest checkpoint.

        Raises:
            NotPermittedError: The principal may not read.
            NotFoundError: Nothing is sealed yet.
        """
        if checkpoint := self.log_checkpoint():
            return checkpoint
        raise NotFoundError(
            "no event is sealed yet", remedy="Set PEDIGREE_AUDIT_KEY where the log is sealed"
        )

    def log_tile(self, level: int, path: str) -> bytes:
        """Return the hashes of a tile of the log, as :func:`pedigree.audit.tiles.read_tile`.

        Raises:
            NotPermittedError: The principal may not audit the registry.
            NotFoundError: The sealed log does not have the tile.
        """
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: tiles.read_tile(transaction, level, path)
        )

    def sealed_events(self, *, after: int, limit: int) -> tuple[bytes, ...]:
        """Return the bytes of sealed events after a place in the feed; a page may end early.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        self._context.require(Permission.AUDIT)
        note_log_exported(self._context)
        return self._context.database.read(
            lambda transaction: export.sealed_events(transaction, after=after, limit=limit)
        )

    def log_head(self) -> int:
        """Return the number of events that have a place in the feed, sealed or not.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        self._context.require(Permission.AUDIT)
        return log.feed_head(self._context.database)

    def log_keys(self) -> tuple[KnownLogKey, ...]:
        """Return all keys that sign or signed the log, the newest first.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        self._context.require(Permission.AUDIT)
        return self._context.database.read(key_history.known_keys)

    def prove_event(self, seq: int) -> LogProof:
        """Return the proof that the newest checkpoint covers an event.

        Raises:
            NotPermittedError: The principal may not audit the registry.
            NotFoundError: The feed has no such event, or it is not sealed yet.
            LogTamperedError: The event is not the one that was sealed.
        """
        self._context.require(Permission.AUDIT)
        note_log_exported(self._context)
        return self._context.database.read(lambda transaction: proofs.prove(transaction, seq))

    def prove_consistency(self, old: int, new: int) -> LogConsistency:
        """Return the proof that the log of a size extends the log of a smaller size.

        Raises:
            NotPermittedError: The principal may not read.
            InvalidInputError: The sizes are not ``1 <= old <= new``.
            NotFoundError: The log has fewer sealed events.
            LogTamperedError: The tables do not have the tree that was signed.
        """
        self._context.require_some(Permission.READ)
        return self._context.database.read(
            lambda transaction: proofs.prove_consistency(transaction, old, new)
        )

    def export_log(self, folder: Path) -> ExportedLog:
        """Write the events and the checkpoints to a new folder, for the offline verifier.

        Raises:
            NotPermittedError: The principal may not audit the registry.
            InvalidInputError: The folder exists, or cannot be written.
            LogTamperedError: The feed has a gap.
        """
        self._context.require(Permission.AUDIT)
        note_log_exported(self._context)
        return export.export(self._context.database, folder, TABLES)

    def verify_log(self, keys: Iterable[str] = ()) -> LogReport:
        """Check the log against its checkpoints and anchors, and return what was found.

        Args:
            keys: The public keys that are known from elsewhere; those of the log itself if empty.

        Raises:
            NotPermittedError: The principal may not audit the registry.
            InvalidInputError: A key cannot be parsed, or a file of the settings cannot be used.
            StoreUnavailableError: The store does not answer.
        """
        self._context.require(Permission.AUDIT)
        anchors = Anchors(self._context.database, self._context.store).notes()
        trust = trust_of(self._context.settings)
        return export.verify(self._context.database, read_keys(keys), anchors, trust)

    def anchor_log(self) -> int:
        """Anchor the newest checkpoint now; return its size, or 0 if it is anchored already.

        Raises:
            NotPermittedError: The principal may not operate the registry.
            LogTamperedError: The store has another checkpoint of this size.
            StoreUnavailableError: The store does not answer.
        """
        self._context.require(Permission.OPERATE)
        return Anchors(self._as_sealer(), self._context.store).anchor()

    def log_anchor(self) -> LogAnchor | None:
        """Return the newest anchor; None if there is none yet.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        self._context.require(Permission.AUDIT)
        return Anchors(self._context.database, self._context.store).newest()

    def anchor_lock(self) -> ObjectLock | None:
        """Return the lock of the newest anchor in the store; None if there is no anchor.

        Raises:
            NotPermittedError: The principal may not audit the registry.
        """
        newest = self.log_anchor()
        return object_lock(self._context.store, newest.key) if newest else None

    def rotate_log_key(self, *, overlap: timedelta) -> str:
        """Replace the key that the database keeps; the old one signs as well for a while.

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

        return self._as_sealer().transaction(rotate)

    def _as_sealer(self) -> Database:
        return in_role(self._context.database, DatabaseRole.SEALER)

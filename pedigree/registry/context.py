"""The context of every group of operations: the database, the store, settings and principal."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from copy import copy
from functools import partial
from typing import Self, TypeVar

from pedigree.access.actor import SETTING
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import claimed_name
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.options import StoreOptions
from pedigree.artifacts.store import StoredBlob
from pedigree.artifacts.store_health import require_bytes, require_objects, require_store
from pedigree.artifacts.store_owner import require_unused
from pedigree.artifacts.upload_keys import give_up_keys
from pedigree.audit.reads import NotedReads
from pedigree.catalog import lookups
from pedigree.catalog.overview.kept_counts import KeptCounts
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.catalog.seen_models import asker_of
from pedigree.catalog.sight import Sight
from pedigree.postgres.asked import asked_by, in_role
from pedigree.postgres.asker import PROCESS, DatabaseRole
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import migrate_embedded, require_current
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.transaction import Transaction
from pedigree.registry.acting import Acting
from pedigree.settings import Settings

T = TypeVar("T")


class Context(Acting):
    """One process's connection to a registry, with its principal.

    Args:
        database: The database of the records.
        store: The store of the bytes.
        settings: This process's settings.
    """

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        super().__init__(database, settings)
        self.database = database
        self.store = store
        self.cache = BlobCache(settings.home_folder / "cache", settings.cache_bytes)
        self.noted_reads = NotedReads()
        self.kept_counts = KeptCounts()
        self.shows_names = True
        self._on_commit: list[Callable[[], object]] | None = None

    @classmethod
    def connect(
        cls,
        database_url: str | None,
        store_url: str | None,
        settings: Settings,
        *,
        credentials: StoreCredentials | None = None,
    ) -> Self:
        """Open the database and the store, as :meth:`pedigree.registry.Registry.connect` says."""
        if settings.actor:
            claimed_name(settings.actor, SETTING)  # before any work that would be recorded with it
        url = database_url or settings.database_url
        if url:
            database = Database.connect(
                url,
                connections=settings.database_connections,
                searches=settings.search_connections,
            )
        else:
            database = Database.embedded(
                settings.home_folder,
                connections=settings.database_connections,
                searches=settings.search_connections,
                as_application=True,
            )
        with ExitStack() as undo:
            undo.callback(database.close)
            store = open_store(
                store_url or settings.store_url,
                settings.home_folder,
                credentials,
                StoreOptions.of(settings),
            )
            if url:
                require_current(database)
            else:
                migrate_embedded(database, begin=partial(require_unused, store))
            undo.pop_all()
        return cls(database, store, settings)

    def close(self) -> None:
        """Close the connections, and release this registry's files in the cache."""
        self.cache.release()
        give_up_keys(self.database)
        self.database.close()

    def visible_models(self, transaction: Transaction) -> list[str] | None:
        """Return the names of the models that the principal may use, with deleted ones.

        None if there is no limit. The database has no idea of their patterns, so lists compare
        names.
        """
        if self._principal is None or not self.is_limited:
            return None
        patterns = self._principal.patterns(Permission.READ)
        return lookups.names_among(transaction, patterns, self.may_read)

    def sight(self, transaction: Transaction) -> Sight:
        """Return what the principal sees of versions that an answer leads to."""
        return Sight(transaction, self.may_read, self.is_limited)

    def used_by(self, principal: Principal | None) -> Self:
        """Return the same connection for another principal; for this process when None."""
        if principal is not None:
            principal = self.names.principal(principal)
        other = copy(self)
        other._principal = principal
        other.database = asked_by(
            self.database, PROCESS if principal is None else asker_of(principal)
        )
        return other

    def in_role(self, role: DatabaseRole) -> Self:
        """Return the same connection in a role of the database, if there are such roles.

        Raises:
            DatabaseUnavailableError: The server does not answer.
        """
        other = copy(self)
        other.database = in_role(self.database, role)
        return other

    def with_pseudonyms(self) -> Self:
        """Return the same connection for a caller that shows names itself, as late as possible."""
        other = copy(self)
        other.shows_names = False
        return other

    def with_names(self) -> Self:
        """Return the same connection for a caller that compares names, and shows them."""
        other = copy(self)
        other.shows_names = True
        return other

    def transaction(self, work: Callable[[Self], T], *, pipelined: bool = False) -> T:
        """Run several operations in one transaction: all of their writes are committed, or none.

        Args:
            work: Called with a context whose operations join the transaction. It may run more than
                once (see :meth:`Database.transaction`), and must not use the store.
            pipelined: Send statements without waiting for answers, as in
                :meth:`Database.transaction`.
        """
        joined = copy(self)

        def write(transaction: Transaction) -> T:
            joined.database = NestedDatabase(self.database, transaction)
            joined.names = self.names.within(joined.database)
            joined._on_commit = []
            return work(joined)

        result = self.database.transaction(write, pipelined=pipelined)
        callbacks, joined._on_commit = joined._on_commit or [], None
        joined.database, joined.names = self.database, self.names  # for the work after the commit
        for callback in callbacks:
            callback()
        return result

    def require_bytes(self, read: Callable[[Transaction], Sequence[StoredBlob]]) -> None:
        """Require the objects of live blobs, before a change relies on them.

        A transaction must not use the store. So this does nothing within one: the caller that joins
        several operations in a transaction calls it before.

        Args:
            read: Returns the blobs.

        Raises:
            CorruptionError: The store lost one of the objects.
            StoreUnavailableError: The store failed.
        """
        if self.may_use_store:
            require_bytes(self.database, self.store, read)

    @property
    def may_use_store(self) -> bool:
        """Whether no transaction is open, in which nothing waits for the store."""
        return self._on_commit is None

    def require_store(self, known: Sequence[StoredBlob]) -> None:
        """Require that the store has at least one of some live blobs, or else of all blobs.

        Does nothing without any: the upload of the first ones looks whose store it is.

        Raises:
            StoreUnavailableError: It is not the registry's store.
        """
        if known and self.may_use_store:
            require_store(self.database, self.store, known)

    def require_objects(
        self, blobs: Collection[StoredBlob], store_again: Callable[[StoredBlob], bool]
    ) -> None:
        """Require live objects as :func:`require_objects` does; nothing within a transaction."""
        if self.may_use_store:
            require_objects(self.database, self.store, blobs, store_again)

    def on_commit(self, work: Callable[[], object]) -> None:
        """Do work that follows a change: now, or when the open transaction is committed."""
        if self._on_commit is None:
            work()
        else:
            self._on_commit.append(work)

    def update_version(
        self,
        permission: Permission,
        reference: str,
        work: Callable[[Transaction, ModelVersion], T],
        *,
        stage: str | None = None,
    ) -> T:
        """Change a version in one transaction.

        Raises:
            NotPermittedError: The user may not do that with the version's model, or not in the
                stage; in every stage when None.
        """
        parsed = parse_reference(reference)
        self.require(permission, parsed.name, stage)
        return self.database.transaction(
            lambda transaction: work(transaction, lookups.find_version(transaction, parsed))
        )

    def keeps_moves(self, name: str, stage: str) -> bool:
        """Return whether a move by a client of MLflow is kept until its gates pass.

        The settings say so, and the user may request the stage.
        """
        may_request = self.principal().may(Permission.REQUEST, name, stage)
        return self.settings.mlflow_requests and may_request

    def read_version(self, reference: str, read: Callable[[Transaction, ModelVersion], T]) -> T:
        """Read from a version, without a transaction.

        Raises:
            NotPermittedError: The user may not read the version's model.
        """
        parsed = parse_reference(reference)
        self.require(Permission.READ, parsed.name)
        return self.database.read(
            lambda transaction: read(transaction, lookups.find_version(transaction, parsed))
        )


class ContextGroup:
    """A group of operations that needs only a context."""

    def __init__(self, context: Context) -> None:
        self._context = context

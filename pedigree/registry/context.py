"""What every group of operations works with: the database, the store, settings, and who acts."""

from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from functools import cache, partial
from typing import Self, TypeVar

from pedigree.access.actor import SETTING, resolve_actor
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import claimed
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.options import StoreOptions
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import migrate, require_current
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.transaction import Transaction
from pedigree.settings import Settings

T = TypeVar("T")


class Context:
    """One process's connection to a registry, as it is used by somebody.

    Args:
        database: Where the records are.
        store: Where the bytes are.
        settings: This process's settings.
    """

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        self.database = database
        self.store = store
        self.settings = settings
        self.cache = BlobCache(settings.home_folder / "cache", settings.cache_bytes)
        # Found once for all who use this connection: each search would start a process of git, and
        # another working directory would make another person of the same process.
        self._process_actor = cache(partial(resolve_actor, settings))
        self._principal: Principal | None = None
        self._late: list[Callable[[], object]] | None = None

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
            claimed(settings.actor, SETTING)  # before anything is done that would have to name it
        url = database_url or settings.database_url
        if url:
            database = Database.connect(
                url, connections=settings.database_connections, prepare=settings.database_prepare
            )
        else:
            database = Database.embedded(
                settings.home_folder, connections=settings.database_connections
            )
        with ExitStack() as undo:
            undo.callback(database.close)
            if url:
                require_current(database)
            else:
                migrate(database)
            store = open_store(
                store_url or settings.store_url,
                settings.home_folder,
                credentials,
                StoreOptions.of(settings),
            )
            undo.pop_all()
        return cls(database, store, settings)

    def close(self) -> None:
        """Close the connections, and release what the cache holds for this session."""
        self.cache.release()
        self.database.close()

    def actor(self, run_actor: str | None = None) -> Actor:
        """Return who acts in this process; ``run_actor`` is what a Dagster run claims.

        Raises:
            ReservedNameError: The setting or the run claims a name of Pedigree's own.
        """
        if self._principal is not None:
            return self._principal.actor
        return resolve_actor(self.settings, run_actor) if run_actor else self._process_actor()

    def principal(self, actor: Actor | None = None) -> Principal:
        """Return who uses the registry: this process with all permissions, or whom it acts for.

        Args:
            actor: The name under which they act; their own when None.
        """
        if self._principal is None:
            return Principal(actor=actor or self.actor())
        return self._principal if actor is None else self._principal.named(actor)

    def require(self, permission: Permission, model: str | None = None) -> None:
        """Refuse what the user may not do; every operation asks this before it does anything.

        Args:
            permission: What the operation takes.
            model: The model that it is about; all models when None.

        Raises:
            NotPermittedError: The user lacks the permission, or may not use the model.
        """
        if self._principal is not None:
            self._principal.require(permission, model)

    @property
    def readable_models(self) -> tuple[str, ...] | None:
        """The models whose bytes the user has without sending them; None: they have all bytes."""
        if self._principal is None or self._principal.reads_store:
            return None
        return self._principal.models

    def used_by(self, principal: Principal | None) -> Self:
        """Return the same connection, used by somebody else; by this process when None."""
        other = copy(self)
        other._principal = principal
        return other

    def transaction(self, work: Callable[[Self], T], *, pipelined: bool = False) -> T:
        """Make several operations one transaction: all that they write is there, or nothing.

        Args:
            work: Given a context whose operations join the transaction. It may run more than once,
                as :meth:`Database.transaction` says, and must not use the store.
            pipelined: Send statements without waiting for answers, as
                :meth:`Database.transaction` says.
        """
        joined = copy(self)

        def write(transaction: Transaction) -> T:
            joined.database = NestedDatabase(self.database, transaction)
            joined._late = []
            return work(joined)

        result = self.database.transaction(write, pipelined=pipelined)
        late, joined._late = joined._late or [], None
        joined.database = self.database  # for what is done after the commit
        for each in late:
            each()
        return result

    def on_commit(self, work: Callable[[], object]) -> None:
        """Do what only follows from a change: now, or when the open transaction is committed."""
        if self._late is None:
            work()
        else:
            self._late.append(work)

    def update_version(
        self,
        permission: Permission,
        reference: str,
        work: Callable[[Transaction, ModelVersion], T],
    ) -> T:
        """Change something of a version, in one transaction.

        Raises:
            NotPermittedError: The user may not do that to the version's model.
        """
        parsed = parse_reference(reference)
        self.require(permission, parsed.name)
        return self.database.transaction(
            lambda transaction: work(transaction, lookups.find_version(transaction, parsed))
        )

    def read_version(self, reference: str, read: Callable[[Transaction, ModelVersion], T]) -> T:
        """Read something of a version, without a transaction.

        Raises:
            NotPermittedError: The user may not read the version's model.
        """
        parsed = parse_reference(reference)
        self.require(Permission.READ, parsed.name)
        return self.database.read(
            lambda transaction: read(transaction, lookups.find_version(transaction, parsed))
        )


class ContextGroup:
    """A group of operations that needs a context alone."""

    def __init__(self, context: Context) -> None:
        self._context = context

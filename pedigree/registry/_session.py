"""What every group of verbs stands on: the database, the store, and who acts."""

from collections.abc import Callable, Collection
from copy import copy
from types import TracebackType
from typing import Any, Self, TypeVar

from pedigree.access.actor import SETTING, resolve_actor
from pedigree.access.reserved import claimed
from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.options import StoreOptions
from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import locate
from pedigree.audit.records import Actor
from pedigree.catalog import lookups
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
from pedigree.errors import CorruptionError
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import migrate, require_current
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.transaction import Transaction
from pedigree.settings import Settings

T = TypeVar("T")


class Session:
    """One process's connection to a registry."""

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        self.database = database
        self.store = store
        self.settings = settings
        self.cache = BlobCache(settings.home_folder / "cache", settings.cache_bytes)
        self._acting: Actor | None = None
        self._sees: tuple[str, ...] | None = None
        self._late: list[Callable[[Any], object]] | None = None

    @classmethod
    def connect(
        cls,
        database_url: str | None = None,
        store_url: str | None = None,
        *,
        settings: Settings | None = None,
        credentials: StoreCredentials | None = None,
    ) -> Self:
        """Connect to a registry by URL, or to the embedded one.

        Args:
            database_url: Postgres; ``PEDIGREE_DATABASE_URL`` when None, embedded if that is unset.
            store_url: The object store; ``PEDIGREE_STORE_URL``, then a folder at home.
            settings: This process's settings; read from the environment when None.
            credentials: Credentials and endpoint of the store, where the environment has none.

        Raises:
            ReservedNameError: ``PEDIGREE_ACTOR`` is a name of Pedigree's own.
            UnavailableError: The database or the store does not answer.
            SchemaBehindError: The database needs ``pedigree migrate``; an embedded one is migrated.
        """
        settings = settings or Settings()
        if settings.actor:
            claimed(settings.actor, SETTING)  # before anything is done that would have to name it
        url = database_url or settings.database_url
        if url:
            database = Database.connect(
                url, connections=settings.database_connections, prepare=settings.database_prepare
            )
            require_current(database)
        else:
            database = Database.embedded(
                settings.home_folder, connections=settings.database_connections
            )
            migrate(database)
        store = open_store(
            store_url or settings.store_url,
            settings.home_folder,
            credentials,
            StoreOptions.of(settings),
        )
        return cls(database, store, settings)

    def close(self) -> None:
        """Close the connections, and let go of what the cache holds for this session."""
        self.cache.release()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def actor(self, run_actor: str | None = None) -> Actor:
        """Return who acts in this process; ``run_actor`` is what a Dagster run claims.

        Raises:
            ReservedNameError: The setting or the run claims a name of Pedigree's own.
        """
        return self._acting or resolve_actor(self.settings, run_actor)

    def acting_as(self, actor: Actor, *, sees: Collection[str] | None = None) -> Self:
        """Return the same registry, used by somebody else; it shares this one's connections.

        Args:
            actor: Who uses it.
            sees: The models of whose versions they have the bytes without sending them: names and
                patterns, none for all models. When None, all bytes that are there are theirs.
        """
        other = copy(self)
        other._acting = actor
        other._sees = None if sees is None else tuple(sees)
        return other

    def together(self, work: Callable[[Self], T], *, pipelined: bool = False) -> T:
        """Let several verbs be one transaction: all of what they write is there, or nothing.

        Args:
            work: Given a registry whose verbs join the transaction. It may run more than once, as
                :meth:`Database.transaction` says, and must not use the store.
            pipelined: Send statements without waiting for answers, as
                :meth:`Database.transaction` says.
        """
        late: list[Callable[[Any], object]] = []

        def write(transaction: Transaction) -> T:
            late.clear()
            joined = copy(self)
            joined.database = NestedDatabase(self.database, transaction)
            joined._late = late
            return work(joined)

        result = self.database.transaction(write, pipelined=pipelined)
        for each in late:
            each(self)
        return result

    def _afterwards(self, work: Callable[[Self], object]) -> None:
        """Do what only follows from a change: now, or once the verbs that are together are done."""
        if self._late is None:
            work(self)
        else:
            self._late.append(work)

    def _update_version(self, reference: str, work: Callable[[Transaction, ModelVersion], T]) -> T:
        parsed = parse_reference(reference)
        return self.database.transaction(
            lambda transaction: work(transaction, lookups.find_version(transaction, parsed))
        )

    def _read_version(self, reference: str, read: Callable[[Transaction, ModelVersion], T]) -> T:
        """Read something of a version, without a transaction."""
        parsed = parse_reference(reference)
        return self.database.read(
            lambda transaction: read(transaction, lookups.find_version(transaction, parsed))
        )


def keys_of(
    transaction: Transaction, version: ModelVersion, digests: Collection[Digest]
) -> dict[Digest, str]:
    """Return the keys of the objects that hold a version's bytes.

    Raises:
        VersionNotFoundError: It was deleted since it was looked up, and its bytes were collected.
        CorruptionError: The version is there, and one of the digests is not live.
    """
    try:
        return locate(transaction, digests)
    except CorruptionError:
        lookups.find_version(transaction, parse_reference(version.reference))
        raise

"""The registry in this process: operations by subject, each thin over the subject's folder.

>>> from pedigree import Registry
>>> with Registry.connect() as registry:                          # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92

The rules of a subject belong in its folder, such as `lifecycle` or `catalog`.
"""

from collections.abc import Collection

from pedigree.access.grants import EVERYTHING, Grant
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore
from pedigree.audit.records import Actor
from pedigree.contract.verbs import RegistryVerbs
from pedigree.postgres.database import Database
from pedigree.registry.context import Context
from pedigree.registry.operations import RegistryOperations
from pedigree.settings import Settings


class Registry(RegistryVerbs):
    """A model registry: records in Postgres, bytes in an object store.

    Create it with :meth:`connect`. Threads may share it; after a fork, the child's first use opens
    its own connections. Operations that only callers in this process need are in the groups of
    ``operations``.
    """

    operations: RegistryOperations

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        self._use(Context(database, store, settings))

    def _use(self, context: Context) -> None:
        self.context = context
        self.database, self.store = context.database, context.store
        self.settings = context.settings
        self.operations = RegistryOperations(context)

    @staticmethod
    def connect(
        database_url: str | None = None,
        store_url: str | None = None,
        *,
        settings: Settings | None = None,
        credentials: StoreCredentials | None = None,
    ) -> "Registry":
        """Connect to a registry by URL, or to the embedded one.

        Args:
            database_url: Postgres; ``PEDIGREE_DATABASE_URL`` when None, embedded if that is unset.
            store_url: The object store; ``PEDIGREE_STORE_URL`` when None, a local folder if that is
                unset.
            settings: This process's settings; read from the environment when None.
            credentials: Credentials and endpoint of the store, if the environment has none.

        Raises:
            ReservedNameError: ``PEDIGREE_ACTOR`` is a name reserved for Pedigree.
            UnavailableError: The database or the store does not answer.
            SchemaBehindError: The database needs ``pedigree migrate``; an embedded one is migrated
                here.
        """
        context = Context.connect(
            database_url, store_url, settings or Settings(), credentials=credentials
        )
        return registry_in(context)

    def close(self) -> None:
        """Close the connections, and release this registry's files in the cache."""
        self.context.close()

    def actor(self, run_actor: str | None = None) -> Actor:
        """Return the actor of this process; ``run_actor`` is the actor that a Dagster run claims.

        Raises:
            ReservedNameError: The setting or the run claims a name reserved for Pedigree.
        """
        return self.context.actor_by_name(run_actor)

    def acting_as(
        self,
        actor: Actor,
        *,
        sees: Collection[str] | None = None,
        permissions: Collection[Permission] = EVERYTHING,
    ) -> "Registry":
        """Return the same registry for another actor; it shares this one's connections.

        Args:
            actor: The other actor.
            sees: Names and patterns of the models that they may use, and whose bytes they need not
                send; all models when empty. When None, they may use all models and read the whole
                store.
            permissions: What they may do.
        """
        principal = Principal(
            actor=actor,
            grants=(Grant(permissions=frozenset(permissions), models=tuple(sees or ())),),
            reads_store=sees is None,
        )
        return registry_in(self.context.used_by(principal))


def registry_in(context: Context) -> Registry:
    """Return the registry of a context, such as a context within a transaction."""
    registry = Registry.__new__(Registry)
    registry._use(context)
    return registry

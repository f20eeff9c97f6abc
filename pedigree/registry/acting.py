"""Who acts in a registry, and what they may do."""

from functools import cache, partial

from pedigree.access.actor import resolve_actor
from pedigree.access.grants import SOME, Target
from pedigree.access.principal import Principal
from pedigree.access.pseudonyms import Names
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.postgres.database import Database
from pedigree.settings import Settings


class Acting:
    """The principal of a registry: this process, or the one that it acts for.

    Args:
        database: The database of the names of people.
        settings: This process's settings.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.settings = settings
        self.names = Names(database)
        # Resolved once for each connection: resolving starts a git process, and the result depends
        # on the working directory, so one process could act as two people.
        self._process_actor = cache(partial(resolve_actor, settings))
        self._principal: Principal | None = None

    def actor_by_name(self, run_actor: str | None = None) -> Actor:
        """Return the actor as answers show them; ``run_actor`` is what a Dagster run claims.

        Raises:
            ReservedNameError: The setting or the run claims a name reserved for Pedigree.
        """
        if self._principal is not None:
            actor = self._principal.actor
            return actor.model_copy(update={"name": self.names.shown(actor.name)})
        return resolve_actor(self.settings, run_actor) if run_actor else self._process_actor()

    def actor(self, given: Actor | None = None) -> Actor:
        """Return the actor as events record them.

        Args:
            given: The actor, by name or pseudonym; that of this process when None.

        Raises:
            ReservedNameError: The setting claims a name reserved for Pedigree.
        """
        if given is None:
            given = self._process_actor() if self._principal is None else self._principal.actor
        return self.names.acting(given)

    def principal(self, actor: Actor | None = None) -> Principal:
        """Return the principal: this process with all permissions, or the one that it acts for.

        Args:
            actor: The actor to record for them; their own when None.
        """
        if self._principal is None:
            found = Principal(actor=actor or self._process_actor())
        else:
            found = self._principal if actor is None else self._principal.named(actor)
        return self.names.principal(found)

    def require(self, permission: Permission, model: Target = None, stage: Target = None) -> None:
        """Require a permission; every operation calls this before it does anything.

        Args:
            permission: The permission that the operation requires.
            model: The model concerned; every model when None.
            stage: The stage concerned; every stage when None.

        Raises:
            NotPermittedError: The user lacks the permission, or may not use the model or stage.
        """
        if self._principal is not None:
            self._principal.require(permission, model, stage)

    def require_some(self, permission: Permission, model: str | None = None) -> None:
        """Require a permission for a list, which has only the models that the principal may use.

        Args:
            permission: The permission that the list requires.
            model: The model whose list it is; all models when None.

        Raises:
            NotPermittedError: The user lacks the permission, or may not use the given model.
        """
        self.require(permission, SOME if model is None else model, SOME)

    @property
    def reads_store(self) -> bool:
        """Whether the principal reads the whole store, so that it need not prove what it has."""
        return self._principal is None or self._principal.reads_store

    def may_read(self, model: str) -> bool:
        """Return whether the principal may read a model."""
        return self._principal is None or self._principal.may(Permission.READ, model)

    @property
    def is_limited(self) -> bool:
        """Whether there may be models that the principal may not read."""
        return self._principal is not None and not self._principal.may(Permission.READ)

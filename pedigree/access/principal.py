"""Principals: the users of the registry and their permissions.

One method decides every permission: :meth:`Principal.may`. Roles and tokens grant permissions;
policies limit some of them to named people.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Self

from pedigree.access.patterns import is_one_of
from pedigree.access.records import Permission, Role
from pedigree.audit.records import Actor
from pedigree.errors import NotPermittedError

EVERYTHING = frozenset(Permission)


class Restriction(Protocol):
    """A rule that limits a permission to named people, such as a stage's rule or a policy."""

    def people(self, permission: Permission) -> Collection[str]:
        """Return the names and patterns of the people with a permission; all people if empty."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user of the registry.

    Args:
        actor: Their name and its source, as events record them.
        permissions: What they may do.
        models: Names of models or patterns that they may use; all models if empty.
        reads_store: They can read the store itself, as a process with its credentials can. Others
            can read only bytes that they sent, or that belong to versions they may read.
        roles: The roles of their token; none without a token.
        expires_at: When their token expires; None if never, or without a token.
        issued_by: Who created their token, and so has seen its secret; None without such a token.
    """

    actor: Actor
    permissions: frozenset[Permission] = EVERYTHING
    models: tuple[str, ...] = ()
    reads_store: bool = True
    roles: tuple[Role, ...] = ()
    expires_at: datetime | None = None
    issued_by: str | None = None

    @property
    def name(self) -> str:
        """The name that events record."""
        return self.actor.name

    def named(self, actor: Actor) -> Self:
        """Return a principal with the same permissions and the name of another actor."""
        return replace(self, actor=actor)

    def may(
        self,
        permission: Permission,
        model: str | None = None,
        restriction: Restriction | None = None,
    ) -> bool:
        """Return whether they may do something.

        Args:
            permission: The permission that it needs.
            model: The model concerned; all models when None.
            restriction: The stage's rule or the policy that may limit it to named people.

        >>> ann = Principal(actor=Actor(name="ann", source="token"), models=("churn*",))
        >>> ann.may(Permission.READ, "churn-eu"), ann.may(Permission.READ)
        (True, False)
        """
        people = () if restriction is None else restriction.people(permission)
        return (
            permission in self.permissions
            and self.may_use(model)
            and (not people or is_one_of(self.name, people))
        )

    def may_use(self, model: str | None) -> bool:
        """Return whether they may use a model, or all models when None."""
        return not self.models or (model is not None and is_one_of(model, self.models))

    def require(self, permission: Permission, model: str | None = None) -> None:
        """Require a permission.

        Args:
            permission: The permission.
            model: The model concerned; all models when None.

        Raises:
            NotPermittedError: They lack the permission, or may not use the model.
        """
        self.require_permission(permission)
        if self.may_use(model):
            return
        if model is None:
            raise self._refused("the token is limited to some models, but this concerns all models")
        raise self._refused(f"the token is limited to the models {', '.join(self.models)}")

    def require_permission(self, permission: Permission) -> None:
        """Require a permission, independently of models.

        Raises:
            NotPermittedError: They lack the permission.
        """
        if permission not in self.permissions:
            raise self._refused(f"this requires the permission {permission}")

    def _refused(self, message: str) -> NotPermittedError:
        return NotPermittedError(
            message, field="Authorization", remedy="Ask an admin for a token with it"
        )

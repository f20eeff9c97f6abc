"""Somebody who uses the registry: who they are, and what they may do.

One question decides what anybody may do: :meth:`Principal.may`. Roles and tokens give permissions;
policies limit some of them to named people.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol, Self

from pedigree.access.principals import is_one_of
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.errors import NotPermittedError

EVERYTHING = frozenset(Permission)


class Restriction(Protocol):
    """A rule that lets named people alone do something, such as a stage's rule or a policy."""

    def people(self, permission: Permission) -> Collection[str]:
        """Return the names and patterns of those whom the rule permits something; none: all."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who uses the registry.

    Args:
        actor: Their name and how it is known, as events record them.
        permissions: What they may do.
        models: Names of models, or patterns, that they may use; none: all models.
        reads_store: They can read the store itself, as a process with its credentials can. Others
            have only those bytes that they sent, or that belong to versions they may read.
    """

    actor: Actor
    permissions: frozenset[Permission] = EVERYTHING
    models: tuple[str, ...] = ()
    reads_store: bool = True

    @property
    def name(self) -> str:
        """The name that events record."""
        return self.actor.name

    def named(self, actor: Actor) -> Self:
        """Return the same permissions under the name of another actor."""
        return replace(self, actor=actor)

    def may(
        self,
        permission: Permission,
        model: str | None = None,
        restriction: Restriction | None = None,
    ) -> bool:
        """Say whether they may do something.

        Args:
            permission: What.
            model: The model that it is about; all models when None.
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
        """Say whether a model, or all models when None, is theirs to use."""
        return not self.models or (model is not None and is_one_of(model, self.models))

    def require(self, permission: Permission, model: str | None = None) -> None:
        """Refuse what they may not do.

        Args:
            permission: What they ask to do.
            model: The model that it is about; all models when None.

        Raises:
            NotPermittedError: They lack the permission, or may not use the model.
        """
        self.require_permission(permission)
        if self.may_use(model):
            return
        if model is None:
            raise self._refused("the token is for some models, and this is about all")
        raise self._refused(f"the token is for the models {', '.join(self.models)}")

    def require_permission(self, permission: Permission) -> None:
        """Refuse what they may do with no model at all.

        Raises:
            NotPermittedError: They lack the permission.
        """
        if permission not in self.permissions:
            raise self._refused(f"this takes the permission to {permission}")

    def _refused(self, message: str) -> NotPermittedError:
        return NotPermittedError(
            message, field="Authorization", remedy="Ask an admin for a token that may"
        )

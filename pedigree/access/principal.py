"""Principals: the users of the registry and their permissions.

One method decides every permission: :meth:`Principal.may`. Grants allow and deny permissions;
policies limit some of them to named people.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol, Self

from pedigree.access.grants import SOME, Effect, Grant, Target
from pedigree.access.named_people import named_in
from pedigree.access.patterns import is_one_of
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.errors import NotPermittedError

EVERY_RIGHT = (Grant(),)


class Restriction(Protocol):
    """A rule that limits a permission to named people, such as a stage's rule or a policy."""

    def people(self, permission: Permission) -> Collection[str]:
        """Return the names and patterns of the people with a permission; all people if empty."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user of the registry.

    Args:
        actor: Their name and its source, as events record them.
        grants: What they are allowed and denied.
        reads_store: They can read the store itself, as a process with its credentials can. Others
            can read only bytes that they sent, or that belong to versions they may read.
        groups: The names of their groups.
        bound: What limits all their grants; None if nothing does.
        expires_at: When their token expires; None if never, or without a token.
        issued_by: Who created their token, and so has seen its secret; None without such a token.
        known_as: Their name, which patterns in lists of people are compared with; the name of the
            actor if empty.
    """

    actor: Actor
    grants: tuple[Grant, ...] = EVERY_RIGHT
    reads_store: bool = True
    groups: tuple[str, ...] = ()
    bound: Grant | None = None
    expires_at: datetime | None = None
    issued_by: str | None = None
    known_as: str = ""

    @property
    def name(self) -> str:
        """What events record of them: a pseudonym, or a name that is reserved for Pedigree."""
        return self.actor.name

    @property
    def shown_name(self) -> str:
        """Their name, for people."""
        return self.known_as or self.actor.name

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of their roles; none without a token."""
        return tuple(dict.fromkeys(each.role for each in self._allowing if each.role))

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do with at least one model and stage."""
        return frozenset(each for each in Permission if self.may(each, SOME, SOME))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of models or patterns that they may read, without the denied; empty: all."""
        return self.patterns(Permission.READ)

    @cached_property
    def _allowing(self) -> tuple[Grant, ...]:
        return tuple(each for each in self.grants if each.effect is Effect.ALLOW)

    @cached_property
    def _granted(self) -> tuple[Grant, ...]:
        return tuple(each for each in self._allowing if each.grant_id is not None)

    @cached_property
    def _denying(self) -> tuple[Grant, ...]:
        return tuple(each for each in self.grants if each.effect is Effect.DENY)

    def named(self, actor: Actor) -> Self:
        """Return a principal with the same permissions and the name of another actor."""
        return replace(self, actor=actor, known_as="")

    def without(self, permission: Permission) -> Self:
        """Return a principal to whom a permission is denied everywhere."""
        denial = Grant(
            permissions=frozenset({permission}), effect=Effect.DENY, origin="the request"
        )
        return replace(self, grants=(*self.grants, denial))

    def may(
        self,
        permission: Permission,
        model: Target = None,
        stage: Target = None,
        restriction: Restriction | None = None,
    ) -> bool:
        """Return whether they may do something: a grant allows it, and none denies it.

        Args:
            permission: The permission that it needs.
            model: The model concerned; every model when None, at least one when ``SOME``.
            stage: The stage concerned, likewise; without effect for a permission that concerns
                no stage.
            restriction: The stage's rule or the policy that may limit it to named people.

        >>> churn = Grant(models=("churn*",))
        >>> eu = Grant(effect=Effect.DENY, models=("churn-eu",))
        >>> ann = Principal(actor=Actor(name="ann", source="token"), grants=(churn, eu))
        >>> ann.may(Permission.READ, "churn"), ann.may(Permission.READ, "churn-eu")
        (True, False)
        >>> ann.may(Permission.READ), ann.may(Permission.READ, SOME)
        (False, True)
        """
        if not self._is_allowed(permission, model, stage):
            return False
        if any(each.denies(permission, model, stage) for each in self._denying):
            return False
        people = () if restriction is None else restriction.people(permission)
        return not people or self.is_among(people, model, stage)

    def is_among(self, people: Collection[str], model: Target = None, stage: Target = None) -> bool:
        """Return whether a list of people has them: by name, by role, or by group.

        Args:
            people: Names and patterns, and words such as ``role:approver`` and ``group:risk``.
            model: The model for which they must hold the role.
            stage: The stage, likewise.
        """
        named = named_in(people)
        return (
            is_one_of(self.name, named.names)
            or (bool(self.known_as) and is_one_of(self.known_as, named.names))
            or not named.groups.isdisjoint(self.groups)
            or any(self.holds(role, model, stage) for role in named.roles)
        )

    def holds(self, role: str, model: Target = None, stage: Target = None) -> bool:
        """Return whether they hold a role for a model and a stage, and it is not denied there."""
        within = self.bound is None or self.bound.covers(model, None)
        return (
            within
            and any(each.role == role and each.covers(model, stage) for each in self._allowing)
            and not any(each.role == role and each.hits(model, stage) for each in self._denying)
        )

    def patterns(self, permission: Permission) -> tuple[str, ...]:
        """Return the names and patterns of models that grants allow; empty if one allows all.

        Denials are not subtracted: decide each name by :meth:`may`.
        """
        found = [each for each in self._allowing if permission in each.effective]
        if any(not each.models for each in found):
            return () if self.bound is None else self.bound.models
        return tuple(dict.fromkeys(model for each in found for model in each.models))

    def require(self, permission: Permission, model: Target = None, stage: Target = None) -> None:
        """Require a permission.

        Args:
            permission: The permission.
            model: The model concerned; every model when None, at least one when ``SOME``.
            stage: The stage concerned, likewise.

        Raises:
            NotPermittedError: They lack the permission, or may not use the model or the stage.
        """
        if not self.may(permission, model, stage):
            raise NotPermittedError(
                self._lack(permission, model, stage),
                field="Authorization",
                remedy="Ask an admin for a token or a grant with it",
            )

    def _lack(self, permission: Permission, model: Target, stage: Target) -> str:
        """Return in words why they may not do something."""
        if not self._is_allowed(permission, SOME, SOME):
            return f"this requires the permission {permission}"
        if not self._is_allowed(permission, model, SOME):
            return f"the token is limited to {_models(self.patterns(permission), model)}"
        if not self._is_allowed(permission, model, stage):
            stages = (name for each in self._allowing for name in each.stages)
            return f"{permission} is limited to the stages {_listed(stages)}"
        denial = next(each for each in self._denying if each.denies(permission, model, stage))
        return f"{denial.origin} denies the permission {permission}{_where(denial)}"

    def _is_allowed(self, permission: Permission, model: Target, stage: Target) -> bool:
        if self.bound is not None and not self.bound.allows(permission, model, SOME):
            return False
        return any(each.allows(permission, model, stage) for each in self._allowing)

    def used_grants(self, permission: Permission, model: Target) -> tuple[int, ...]:
        """Return the numbers of the granted rows that allow something in at least one stage."""
        return tuple(
            each.grant_id
            for each in self._granted
            if each.grant_id is not None and each.allows(permission, model, SOME)
        )


def _models(patterns: Iterable[str], model: Target) -> str:
    if model is None:
        return "some models, but this concerns all models"
    return f"the models {_listed(patterns)}"


def _where(grant: Grant) -> str:
    models = f" on {_listed(grant.models)}" if grant.models else ""
    return models + (f" in {_listed(grant.stages)}" if grant.stages else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
